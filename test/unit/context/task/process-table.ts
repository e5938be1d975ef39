// What surrounds one task service, as a model: a process table that starts and ends processes when it likes, and
// timers that fire when they like, as long as they are armed. The table under test runs in it; each step checks it.
import assert from "node:assert/strict";
import { advance, initialStanding, type Standing } from "../../../../src/context/task/lifecycle.ts";
import { hasProcess } from "../../../../src/protocol/task-state.ts";
import { type EffectWords, EVENTS, inWords, type Word } from "./life.ts";

type Alarm = "ready" | "readyLate" | "killDue" | "backoffOver";
type Fired = "fire on_start" | "fire on_update" | "fire on_fail" | "fire on_exit";

/** What has happened in the present run. */
interface RunSoFar {
  /** A stop or a restart has asked the task to leave. */
  isAsked: boolean;
  /** SIGKILL is on its way. */
  isKilled: boolean;
  /** Asked to leave by the table, for whatever reason. */
  isTold: boolean;
  fired: Fired[];
  said: Set<Word>;
}

export interface World {
  readonly standing: Standing;
  readonly process: "none" | "preparing" | "living";
  /** A start or restart that was not stopped, and that has not led to a run yet. */
  readonly isWanted: boolean;
  readonly armed: ReadonlySet<Alarm>;
  /** Whether the world would let this happen now. */
  isPossible(word: Word): boolean;
  /** Lets it happen. Throws when the table breaks one of its promises. */
  step(word: Word): void;
  /** Lets processes that are to leave do so as late as they can, and timers fire, until nothing is under way. */
  comeToRest(): void;
}

/** States in which a start that was asked for is still to come. */
const WAITING: ReadonlySet<string> = new Set(["backingOff", "blocked", "stopping", "unready", "unresponsive", "stuck"]);
/** States in which a process is on its way out, and has so long. */
const GRACED: ReadonlySet<string> = new Set(["stopping", "unready", "unresponsive"]);

function isUp(state: Standing["state"]): boolean {
  return state === "starting" || state === "running";
}

function isComeback(word: Word): boolean {
  return word.endsWith("AndBack");
}

export function createWorld(): World {
  const armed = new Set<Alarm>();
  let standing = initialStanding();
  let process: World["process"] = "none";
  let runs = 0;
  let isWanted = false;
  let run: RunSoFar = { isAsked: false, isKilled: false, isTold: false, fired: [], said: new Set() };

  const perform: Record<EffectWords, () => void> = {
    spawn() {
      assert.equal(process, "none", "a second process of one task");
      assert(isWanted, "a spawn that was not asked for, or that a stop had cancelled");
      isWanted = false;
      process = "preparing";
      runs += 1;
      run = { isAsked: false, isKilled: false, isTold: false, fired: [], said: new Set() };
    },
    askToStop() {
      assert(process !== "none", "no process to ask");
      run.isTold = true;
    },
    kill() {
      assert(process !== "none", "no process to kill");
      run.isKilled = true;
    },
    awaitReady() {
      assert.equal(process, "living", "no process to wait for");
      arm("ready");
      arm("readyLate");
    },
    "disarm ready"() {
      armed.delete("ready");
      armed.delete("readyLate");
    },
    awaitEnd: () => arm("killDue"),
    "disarm grace": () => armed.delete("killDue"),
    backOff() {
      assert(standing.life.delayMs > 0, "a wait of no time");
      arm("backoffOver");
    },
    "disarm backoff": () => armed.delete("backoffOver"),
    "announce created": () => assert.equal(standing.state, "defined"),
    "announce started"() {
      assert.equal(process, "living", "said to have started while there is no process");
      assert(!run.fired.includes("fire on_start"), "the start is announced twice");
    },
    "announce stopped": () => assert.equal(process, "none", "said to have stopped while it lives"),
    "announce failed"() {
      assert.equal(process, "none", "said to have failed while it lives");
      assert(!run.said.has("failed"), "the failure is announced twice");
    },
    "fire on_start": () => fire("fire on_start"),
    "fire on_update": () => fire("fire on_update"),
    "fire on_fail": () => fire("fire on_fail"),
    "fire on_exit": () => fire("fire on_exit"),
  };

  // An alarm that is armed twice rings twice.
  function arm(alarm: Alarm): void {
    assert(!armed.has(alarm), `${alarm} is armed already`);
    armed.add(alarm);
  }

  function fire(event: Fired): void {
    assert(!run.isAsked, `${event} in a run that was asked to stop`);
    assert(event === "fire on_update" || !run.fired.includes(event), `${event} twice in one run`);
    assert(event !== "fire on_exit" || !run.fired.includes("fire on_fail"), "a natural end after a failure");
    run.fired.push(event);
  }

  function isPossible(word: Word): boolean {
    switch (word) {
      case "spawned":
        return process === "preparing";
      case "spawnFailed":
      case "spawnFailedAndBack":
        return process === "preparing" && !(isComeback(word) && isSettled());
      case "end":
        return process === "living" || (process === "preparing" && (run.isTold || run.isKilled));
      case "endAndBack":
        return process === "living" && !isSettled();
      case "crash":
        return process === "living";
      case "crashAndBack":
        return process === "living" && !isSettled();
      case "lingers":
      case "silent":
      case "tooLarge":
        return process === "living";
      case "stuck":
        return process === "living" && run.isKilled;
      case "givenUp":
        return process === "none";
      case "ready":
      case "readyLate":
      case "killDue":
      case "backoffOver":
        return armed.has(word);
      default:
        return true; // commands and announcements, late ones and those of impostors included
    }
  }

  // The restart engine asks for a comeback only where nothing else has decided what follows.
  function isSettled(): boolean {
    return standing.life.requested || standing.life.again;
  }

  // Before the table hears of it.
  function happen(word: Word): void {
    if (isComeback(word)) isWanted = true;
    switch (word) {
      case "stop":
      case "stopSoon":
        isWanted = false;
        run.isAsked ||= hasProcess(standing.state);
        break;
      case "restart":
      case "restartLater":
        isWanted = true;
        run.isAsked ||= isUp(standing.state);
        break;
      case "needsOther":
      case "needsNobody":
        break;
      case "start":
      case "startLater":
        isWanted ||= !isUp(standing.state) || standing.life.requested;
        break;
      case "spawned":
        process = "living";
        break;
      case "spawnFailed":
      case "spawnFailedAndBack":
      case "end":
      case "endAndBack":
      case "crash":
      case "crashAndBack":
        process = "none";
        break;
      case "ready":
      case "readyLate":
      case "killDue":
      case "backoffOver":
        armed.delete(word);
        break;
      default:
        if (process !== "none") run.said.add(word);
    }
  }

  function step(word: Word): void {
    const before = standing;
    const wasArmed = new Set(armed);
    const lived = process !== "none";
    happen(word);
    const hasEnded = lived && process === "none";
    const [next, effects] = advance(standing, EVENTS[word]);
    standing = next;
    const lastWords = effects.map(inWords).filter((each) => each === "announce stopped" || each === "announce failed");
    checkLastWords(before, lastWords, { word, hasEnded });
    for (const effect of effects) perform[inWords(effect)]();
    check(before, wasArmed, word);
  }

  // The end of each run is announced once, and that a start is cancelled, and nothing else.
  function checkLastWords(
    { state }: Standing,
    lastWords: readonly EffectWords[],
    { word, hasEnded }: { word: Word; hasEnded: boolean },
  ): void {
    const isCancelled = ["defined", "blocked", "backingOff"].includes(state) && standing.state === "stopped";
    if (hasEnded && run.said.has("stopped"))
      assert(!lastWords.includes("announce stopped"), "the end is announced twice");
    else if (hasEnded && run.said.has("exited")) assert(lastWords.length <= 1, "the end is announced twice");
    else if (hasEnded) assert.equal(lastWords.length, 1, "the end of a run is announced once");
    else if (isCancelled) assert.deepEqual(lastWords, ["announce stopped"]);
    else if (word === "givenUp") assert.deepEqual(lastWords, state === "exited" ? ["announce failed"] : []);
    else assert.deepEqual(lastWords, [], `an end announced at ${word}`);
  }

  function check(before: Standing, wasArmed: ReadonlySet<Alarm>, word: Word): void {
    const { state, life, snapshot } = standing;
    assert.equal(snapshot.status, "active", "the table is out of order");
    assert.equal(process !== "none", hasProcess(state), `${state} with process ${process}`);
    assert.equal(life.run, runs, "runs are not counted one by one");
    assert(!isWanted || WAITING.has(state) || (isUp(state) && life.requested), `a start is forgotten in ${state}`);
    assert(state !== "blocked" || life.missing.length > 0, "blocked by no task");
    assert(!run.isAsked || (state !== "exited" && state !== "failed") || word === "givenUp", `${state} after a stop`);
    const isGettingReady = state === "starting" && process === "living";
    for (const alarm of ["ready", "readyLate"] as const)
      assert(!armed.has(alarm) || isGettingReady, `${alarm} alarm in ${state}`);
    assert.equal(armed.has("backoffOver"), state === "backingOff", `backoff alarm in ${state}`);
    const isDue = GRACED.has(state) && word !== "killDue" && (before.state !== state || wasArmed.has("killDue"));
    assert.equal(armed.has("killDue"), isDue, `killDue in ${state}`);
  }

  // A process that is asked stays until it is killed; one that is not killed stays for ever.
  function nextOf(): Word | undefined {
    if (standing.state === "backingOff") return "backoffOver";
    if (standing.state === "blocked") return "needsNobody";
    // It waits to be stopped until others are gone, and may end before.
    if (isUp(standing.state) && standing.life.requested) return process === "preparing" ? "spawned" : "crash";
    if (standing.state !== "stuck" && !GRACED.has(standing.state)) return undefined;
    if (process === "preparing") return "spawned";
    if (run.isKilled) return "crash";
    return armed.has("killDue") ? "killDue" : assert.fail("nothing ends it");
  }

  return {
    get standing() {
      return standing;
    },
    get process() {
      return process;
    },
    get isWanted() {
      return isWanted;
    },
    armed,
    isPossible,
    step,
    comeToRest() {
      for (let word = nextOf(), steps = 0; word !== undefined; word = nextOf(), steps += 1) {
        assert(steps < 10, `still ${standing.state}`);
        step(word);
      }
    },
  };
}
