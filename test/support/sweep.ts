// The end of a run: no process that a test has started may outlive it. Test files look for what they leave behind
// themselves, but a worker that was killed can't. A process is found by a variable that all of a run inherit.
import { randomUUID } from "node:crypto";
import { relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { environmentOf, type LivingProcess, marked } from "./processes.ts";

/** Holds the path of the test file that a process comes from. */
export const FILE_MARK = "ZCONTEXT_TEST_FILE";
const RUN_MARK = "ZCONTEXT_TEST_RUN";
const POLL_MS = 100;
/** A process that is on its way out at the end of the run has so long. */
const LEAVING_MS = 15_000;

/** Marks what the run starts from now on; answers what ends and names the rest, and fails the run when there is any. */
export default function markRun(): () => Promise<void> {
  const run = randomUUID();
  process.env[RUN_MARK] = run;
  // Vitest ends its workers itself.
  const left = async () => (await marked(RUN_MARK, run)).filter(({ parentPid }) => parentPid !== process.pid);

  return async () => {
    const deadline = performance.now() + LEAVING_MS;
    while ((await left()).length > 0 && performance.now() < deadline) await pause(POLL_MS);
    const named = await Promise.all((await left()).map(describe));
    if (named.length === 0) return;
    // What is killed may be replaced by its parent before that is killed as well.
    for (let rest = await left(); rest.length > 0; rest = await left()) {
      rest.forEach(kill);
      await pause(POLL_MS);
    }
    process.exitCode = 1;
    process.stderr.write(`\nprocesses left behind by this run, ended now:\n${named.join("\n")}\n`);
  };
}

async function describe({ pid, command }: LivingProcess): Promise<string> {
  const mark = `${FILE_MARK}=`;
  const file = (await environmentOf(pid)).find((entry) => entry.startsWith(mark))?.slice(mark.length);
  return `  ${pid} (${command}) of ${file === undefined ? "an unknown test file" : relative("", file)}`;
}

function kill({ pid }: LivingProcess): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}
