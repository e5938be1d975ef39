// Tells facts to people, each in a sentence: what a step meant, what an exit code or a signal stands for, when the next try
// comes. Pure.
import type { Fact, MovedFact } from "../../src/explain/facts.ts";
import { isEnd, type Story } from "../../src/explain/story.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";

/** How a task stands, and why, in one sentence. */
export function headline(story: Story, nowMs: number): string {
  const { task, transaction, state, reason, run, pid, isLost } = story;
  const since = howLong(nowMs - Date.parse(story.since));
  const what = isLost
    ? `was ${wordsFor(state)} when its provider went without a word`
    : `${verbFor(state)} ${wordsFor(state)}`;
  const facts = [`transaction ${transaction}`, `run ${run}`, ...(pid === undefined ? [] : [`pid ${pid}`])].join(", ");
  const why = reason === undefined ? "" : `: ${reason}`;
  return `${task} ${what} (${facts}; since ${since})${why}`;
}

function verbFor(state: string): string {
  return ["failed", "exited", "stopped"].includes(state) ? "has" : "is";
}

/** What follows by itself, or that nothing does; undefined where that goes without saying. */
export function outlook({ state, next, restarts, isLost }: Story, nowMs: number): string | undefined {
  if (isLost) return "nothing follows by itself: the next provider of the file continues what was running";
  if (next !== undefined) {
    const inMs = Date.parse(next) - nowMs;
    return `next try ${inMs > 0 ? `in ${howLong(inMs)}` : "now"}${ofHowMany(restarts)}`;
  }
  if (state === "failed") return "no restart follows by itself; a start by command or by a trigger begins anew";
  return undefined;
}

/** What has happened, as a sentence without its end. */
export function sentenceOf(fact: Fact): string {
  switch (fact.kind) {
    case "provider":
      return fact.event === "begin"
        ? `a provider began, pid ${fact.pid}`
        : `the provider left in order, pid ${fact.pid}`;
    case "triggered": {
      const whom = fact.call.length === 0 ? "" : ` ${fact.call.join(", ")}`;
      const what = fact.action === "exit" ? "ends the transaction" : `asks to ${fact.action}${whom}`;
      const more = fact.skipped === undefined ? "" : `, as ${fact.skipped} times before that are not listed`;
      return `${fact.event} of ${fact.task} ${what}${more}`;
    }
    case "noted":
      return `${fact.task}: ${fact.phrase}: ${fact.reason}`;
    case "moved":
      return sentenceOfMove(fact);
  }
}

function sentenceOfMove(fact: MovedFact): string {
  const { task, to, event } = fact;
  if (isEnd(event)) return `${task} ${endOf(fact)}; ${consequenceOf(fact)}`;
  if (to === "starting") return `${task} was started, run ${fact.run}${byWhom(fact)}`;
  if (event === "replaced") return `${task} was replaced by run ${fact.run}${pidOf(fact)}${byWhom(fact)}`;
  if (to === "running") return `${task} was running${pidOf(fact)}`;
  if (to === "stopping") return `${task} was told to stop${byWhom(fact)}`;
  return `${task} was ${wordsFor(to)}${because(fact)}`;
}

/** How its process has ended. */
function endOf({ event, pid, code, signal, oom, escalated, killed = [], reason, cause }: MovedFact): string {
  if (event === "spawnFailed") return `could not be started: ${reason ?? cause ?? "no reason is known"}`;
  const process = pid === undefined ? "its process" : `its process ${pid}`;
  const how = [
    signal === undefined
      ? `${process} ended with ${codeWords(code)}`
      : `${process} was ended by ${signalWords(signal, oom)}`,
    ...(escalated ? ["it had not stopped within its grace period, and got SIGKILL"] : []),
    ...(killed.length > 0
      ? [`left behind and ended: ${killed.map(({ name, pid: id, signal: by }) => `${name} ${id} ${by}`).join(", ")}`]
      : []),
  ];
  return `came to an end, ${how.join("; ")}`;
}

/** What its end has led to. */
function consequenceOf({ to, delayMs, restarts, refusal }: MovedFact): string {
  if (to === "backingOff") {
    const wait = delayMs === undefined ? "" : ` in ${howLong(delayMs)}`;
    return `it was to be restarted${wait}${ofHowMany(restarts)}`;
  }
  if (to === "failed")
    return refusal === undefined ? "it has failed" : `it has failed, and is not restarted: ${refusal}`;
  if (to === "exited") return "that was no failure";
  if (to === "stopped") return "it had been told to stop";
  return `it was ${wordsFor(to)}`;
}

function ofHowMany(restarts: MovedFact["restarts"]): string {
  if (restarts === undefined) return "";
  const { counted, most, periodMs } = restarts;
  return `, restart ${counted} of ${most} within ${periodMs / 1_000} s`;
}

function byWhom({ cause, event }: MovedFact): string {
  if (cause !== undefined) return cause === "command" ? " by command" : ` by ${cause}`;
  return event === "backoffOver" ? " after the pause" : "";
}

function pidOf({ pid }: MovedFact): string {
  return pid === undefined ? "" : ` as pid ${pid}`;
}

function because({ reason, cause }: MovedFact): string {
  const why = reason ?? cause;
  return why === undefined ? "" : `: ${why === "command" ? "by command" : why}`;
}

/** What exit codes mean to shells, and to programs of systems with a shell. */
const CODES: { [code: number]: string } = {
  126: "found, and not executable",
  127: "a command was not found",
  134: "128 + 6: a process of it was ended by SIGABRT",
  137: "128 + 9: a process of it was ended by SIGKILL",
  139: "128 + 11: a process of it was ended by SIGSEGV",
  143: "128 + 15: a process of it was ended by SIGTERM",
};

function codeWords(code: number | undefined): string {
  if (code === undefined) return "a code that is not known";
  const meaning = CODES[code];
  return meaning === undefined ? `code ${code}` : `code ${code} (${meaning})`;
}

const SIGNALS: { [signal: string]: string } = {
  SIGABRT: "it aborted itself",
  SIGBUS: "a bus error",
  SIGFPE: "an arithmetic error",
  SIGILL: "an illegal instruction",
  SIGSEGV: "a segmentation fault",
  SIGTRAP: "a trap",
  SIGXCPU: "its limit of CPU time",
  SIGXFSZ: "its limit of file size",
};

function signalWords(signal: string, oom: MovedFact["oom"]): string {
  if (oom === "group") return `${signal}, of the kernel's OOM killer: its control group had no memory left`;
  if (oom === "machine")
    return `${signal}, probably of the kernel's OOM killer, which has ended a process of this machine at that time`;
  const meaning = SIGNALS[signal];
  return meaning === undefined ? signal : `${signal} (${meaning})`;
}

/** `0.5 s`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function howLong(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
