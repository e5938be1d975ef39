// Which records of a log are meant: of these tasks, of this transaction, of this time, and with these words in them. Pure.
import { isGap, type LogRecord } from "./records.ts";

export interface Selection {
  /** Ids, or patterns with `*`; undefined for all. */
  tasks?: readonly string[] | undefined;
  transaction?: string | undefined;
  stream?: "stdout" | "stderr" | undefined;
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
  /** Whether a line is meant. */
  matches?: ((line: string) => boolean) | undefined;
}

/** A gap belongs to a task and a time; it is never what somebody searches for. */
export function createSelection({
  tasks,
  transaction,
  stream,
  sinceMs = Number.NEGATIVE_INFINITY,
  untilMs = Number.POSITIVE_INFINITY,
  matches,
}: Selection): (record: LogRecord) => boolean {
  const isMeantTask = tasks === undefined ? () => true : taskFilter(tasks);
  return (record) => {
    const atMs = Date.parse(record.time);
    if (atMs < sinceMs || atMs > untilMs || !isMeantTask(record.task)) return false;
    if (isGap(record)) return matches === undefined && stream === undefined;
    if (transaction !== undefined && record.transaction !== transaction) return false;
    if (stream !== undefined && record.stream !== stream) return false;
    return matches === undefined || matches(record.line);
  };
}

/** @param patterns - Ids, in which `*` stands for any characters. The id of a TaskService with instances means all of these. */
export function taskFilter(patterns: readonly string[]): (task: string) => boolean {
  const tests = patterns.map((pattern) => {
    const escaped = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".*")}(?:\\.\\d+)?$`, "s");
  });
  return (task) => tests.some((test) => test.test(task));
}
