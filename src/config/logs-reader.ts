// Reads a <Logs>: how much of what tasks print is kept in files. Pure.
import type { Logs } from "./model.ts";
import { childAt, textAt } from "./xml/element.ts";
import { readWhole } from "./xml/number-rules.ts";
import type { Reading } from "./xml/problems.ts";
import { Reader } from "./xml/reader.ts";

const DEFAULT_LOGS: Logs = { fileMib: 10, files: 5, totalMib: 1_024 };

/** What each part may be; on the command line as well. */
const RANGES = {
  fileMib: { min: 1, max: 1_024 },
  files: { min: 1, max: 1_000 },
  totalMib: { min: 0, max: 1_048_576 },
} as const;

/** @param root - The context. */
export function readLogs(root: Reader, reading: Reading): Logs {
  const element = childAt(root.element, "Logs");
  if (element === undefined) return DEFAULT_LOGS;
  const own = new Reader(element, reading, "Logs");
  const read = (name: string, part: keyof Logs) =>
    textAt(element, name) === undefined ? DEFAULT_LOGS[part] : readWhole(own, name, RANGES[part]);
  return {
    fileMib: read("file_mib", "fileMib"),
    files: read("files", "files"),
    totalMib: read("total_mib", "totalMib"),
  };
}
