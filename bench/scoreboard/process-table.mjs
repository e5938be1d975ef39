// Reads the process table. A process belongs to a run when its environment has the run's mark, which descendants inherit
// through setsid and a double fork. A zombie has no environment and so is not counted.
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

/** The command line of a process; empty when it has exited. */
export function wordsOf(pid) {
  return read(pid, "cmdline").split("\0").slice(0, -1);
}

/** Calls until the result is truthy or the time is over; returns the last result. */
export async function until(ask, limitMs, everyMs = 25) {
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer || performance.now() > end) return answer;
    await pause(everyMs);
  }
}

/** Kills every process with the mark, also those that a supervisor among them starts meanwhile. */
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

// A process that has exited, or of another user, can't be read.
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
