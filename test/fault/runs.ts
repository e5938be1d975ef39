// How often a program has really been run: each of its runs leaves a line in a file, whatever is said about it.
import { readFile } from "node:fs/promises";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import type { RunningContext } from "../support/context.ts";
import type { TransitionEar } from "./support.ts";

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

/** Stops a transaction and resolves when that has been heard of each of its tasks, by both ears. */
export async function stopHeard(context: RunningContext, ear: TransitionEar): Promise<TaskRecord[]> {
  const records = await context.stop("T1");
  await context.heard.first(({ header }) => header.action === "ended", { what: "the end of the transaction" });
  for (const { service_id, lifecycle } of records) {
    if (lifecycle !== "defined") await ear.first(({ task, to }) => task === service_id && to === lifecycle);
  }
  return records;
}
