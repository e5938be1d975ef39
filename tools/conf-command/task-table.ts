// Tables of tasks, and the same as JSON.
import type { CommandProgress } from "../../src/context/client/client.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { hasProcess, wordsFor } from "../../src/protocol/task-state.ts";
import { columns } from "../columns.ts";
import { nextRunWords } from "../log-view.ts";
import { answer, answerJson } from "../print.ts";

/** A task as tables show it. */
export type TaskRow = Pick<
  TaskRecord,
  "service_id" | "serviceName" | "lifecycle" | "pid" | "runs" | "reason" | "next_run"
>;

/** The state that an order leads to first. */
const NEXT_STATE = { define: "defined", start: "starting", restart: "stopping", stop: "stopping" } as const;

/** What an accepted command has set going, as far as it is known before anything has happened. */
export function ordered({ orders, before }: CommandProgress): TaskRow[] {
  return [...orders].map(([id, order]) => {
    const record = before.find(({ service_id }) => service_id === id);
    const isAlive = record !== undefined && hasProcess(record.lifecycle);
    return {
      service_id: id,
      serviceName: record?.serviceName ?? "-",
      lifecycle: order === "restart" && !isAlive ? "starting" : NEXT_STATE[order],
      pid: isAlive ? record.pid : null,
      runs: record?.runs ?? 0,
    };
  });
}

export function printTasks(
  {
    isOver = false,
    notes = [],
    ...head
  }: { transaction: string; result: string; isOver?: boolean; notes?: readonly string[] },
  records: readonly TaskRow[],
  { json }: { json?: true },
): void {
  // The pid of a process that has gone may belong to another one by now.
  const pidOf = ({ lifecycle, pid }: TaskRow) => (hasProcess(lifecycle) ? pid : null);
  const tasks = records.map((record) => ({
    id: record.service_id,
    state: record.lifecycle,
    pid: pidOf(record),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(record.next_run === undefined ? {} : { next_run: record.next_run }),
  }));
  if (json)
    return answerJson({ ...head, ...(isOver ? { ended: true } : {}), tasks, ...(notes.length === 0 ? {} : { notes }) });
  answer(`transaction ${head.transaction || "-"}: ${isOver ? "ended" : head.result}`);
  if (records.length === 0) return;
  const rows = records.map((record) => [
    record.service_id,
    record.serviceName,
    wordsFor(record.lifecycle),
    `${pidOf(record) ?? "-"}`,
    `${record.runs}`,
    record.reason ?? (record.next_run === undefined ? "" : nextRunWords(record.next_run)),
  ]);
  answer(columns(["TASK", "SERVICE", "STATE", "PID", "RUNS", "REASON"], rows));
}
