// What the kernel says. A process belongs to us when its environment has our mark; descendants keep that through setsid
// and a double fork. A zombie has no environment any more, and so is nobody.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export const MARK = "SCOREBOARD_MARK";

const SWEEP_MS = 15_000;

/** Pids of the living processes whose mark begins with this one. */
export function marked(mark) {
  return pids().filter((pid) => hasMark(pid, mark));
}

export function pids() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

export function hasMark(pid, mark) {
  return `\0${read(pid, "environ")}`.includes(`\0${MARK}=${mark}`);
}

/** The words that a process was started with; none when it is gone. */
export function wordsOf(pid) {
  return read(pid, "cmdline").split("\0").slice(0, -1);
}

/** Asks until there is an answer, at most so long; the last answer. */
export async function until(ask, limitMs, everyMs = 25) {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer || performance.now() > end) return answer;
    await pause(everyMs);
  }
}

/** Kills whoever has the mark, and whoever a supervisor among them starts meanwhile. */
export async function sweep(mark) {
  const isEmpty = await until(() => {
    const left = marked(mark);
    for (const pid of left) kill(pid, "SIGKILL");
    return left.length === 0;
  }, SWEEP_MS);
  if (!isEmpty) throw new Error(`pids ${marked(mark).join(", ")} can't be killed`);
}

export function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

// A process that is gone, or another user's, has nothing to read.
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
