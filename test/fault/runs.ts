// How often a program has really been run: each of its runs leaves a line in a file, whatever anybody says about it.
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { TaskRecord } from "../../src/context/record.ts";
import type { RunningContext } from "../support/context.ts";
import type { TransitionEar } from "./support.ts";

const POLL_MS = 10;
/** Ends a test that has failed; nothing waits for it. */
const BOUND_MS = 30_000;

/** The beginning of a script whose runs are counted. */
export const COUNTED = "echo $ZCONTEXT_TRANSACTION $ZCONTEXT_SERVICE_ID $$ >> runs;";

/** The pids of the runs that a counted script has had, the oldest first. */
export async function runsOf({ folder }: RunningContext, id: string, transaction = "T1"): Promise<number[]> {
  const lines = await linesOf(folder.at("runs"));
  return lines
    .map((line) => line.split(" "))
    .filter(([of, task]) => of === transaction && task === id)
    .map(([, , pid]) => Number(pid));
}

/** The lines of a file; none when it is not there. */
export async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
}

/** Resolves with the first answer that is none of false, null and undefined; for what nobody tells of by itself. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + BOUND_MS;
  while (true) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come in time`);
    await pause(POLL_MS);
  }
}

/** Stops a transaction and resolves when that has been heard of each of its tasks, by both ears. */
export async function stopHeard(context: RunningContext, ear: TransitionEar): Promise<TaskRecord[]> {
  const records = await context.stop("T1");
  await context.heard.first(({ header }) => header.action === "ended", { what: "the end of the transaction" });
  for (const { service_id, lifecycle } of records) {
    if (lifecycle !== "defined") await ear.first(({ task, to }) => task === service_id && to === lifecycle);
  }
  return records;
}
