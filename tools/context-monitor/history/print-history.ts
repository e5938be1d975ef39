// `context-monitor --since`: reads what providers have recorded, whether one runs now or not, and prints a report on it, or
// the records themselves as JSON.

import { ZcontextError } from "../../../src/errors.ts";
import { readHistory } from "../../../src/history/reader.ts";
import { formatRecord, type HistoryRecord } from "../../../src/history/records.ts";
import { findPresence } from "../../../src/presence/search.ts";
import { asAscii } from "../../../src/protocol/json.ts";
import { readerGone } from "../../leaving.ts";
import { answer, EXIT, say } from "../../print.ts";
import { readSince } from "../../since.ts";
import { speaksUnicode } from "../terminal/text.ts";
import { findFolder, type HistoryLocation, unreadable } from "./history-folder.ts";
import { createHistoryReport } from "./history-report.ts";
import { drawReport } from "./history-table.ts";

/** The options of the command that `--since` uses; see its `--help`. */
export interface Options extends HistoryLocation {
  since: string;
  transaction?: string;
  json?: true;
}

/** All states are recorded once a minute: reading begins so much earlier, in milliseconds, to know those at the start. */
const STATES_LEAD_MS = 120_000;
/** When reading takes longer than this, a message says so, in milliseconds. */
const PATIENCE_MS = 1_000;

/** Prints what was recorded since a time; returns the exit code. */
export async function printHistory(options: Options): Promise<number> {
  const nowMs = Date.now();
  const sinceMs = readSince(options.since, nowMs);
  const folder = await findFolder(options);
  const patience = setTimeout(() => say(`reading ${folder}`), PATIENCE_MS);
  try {
    const isFound = options.json
      ? await printRecords(folder, sinceMs, options)
      : await printReport(folder, { sinceMs, nowMs }, options);
    if (isFound) return EXIT.done;
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw unreadable(folder, error);
  } finally {
    clearTimeout(patience);
  }
  throw nothingKept(folder, options);
}

async function printReport(
  folder: string,
  { sinceMs, nowMs }: { sinceMs: number; nowMs: number },
  { transaction, context_file: file }: Options,
): Promise<boolean> {
  const report = createHistoryReport({ sinceMs, untilMs: nowMs, transaction });
  for await (const record of readHistory(folder, { sinceMs: sinceMs - STATES_LEAD_MS, onFault })) report.add(record);
  const summary = report.read(file === undefined ? undefined : await isRunning(file));
  const isUnicode = speaksUnicode(process.env);
  const hasSparklines = isUnicode && process.stdout.isTTY === true && process.env.TERM !== "dumb";
  for (const line of drawReport(summary, { isUnicode, hasSparklines })) answer(line);
  return summary.span !== undefined;
}

// A halted provider does not answer, and runs.
async function isRunning(file: string): Promise<boolean> {
  return findPresence(file).then(
    (presence) => presence !== undefined,
    () => true,
  );
}

async function printRecords(folder: string, sinceMs: number, { transaction }: Options): Promise<boolean> {
  const gone = readerGone().then(() => "gone" as const);
  // Records of providers alone are no answer: they are held until a record of a task comes.
  let held: string[] = [];
  let isFound = false;
  for await (const record of readHistory(folder, { sinceMs, onFault })) {
    if (!isMeant(record, transaction)) continue;
    isFound ||= record.kind !== "provider";
    held.push(asAscii(formatRecord(record).trimEnd()));
    if (!isFound) continue;
    held.forEach(answer);
    held = [];
    // All of them together may not fit into memory.
    if (process.stdout.writableNeedDrain && (await Promise.race([drained(), gone])) === "gone") return true;
  }
  return isFound;
}

function drained(): Promise<void> {
  return new Promise((resolve) => process.stdout.once("drain", () => resolve()));
}

function isMeant(record: HistoryRecord, only: string | undefined): boolean {
  return only === undefined || record.kind === "provider" || record.transaction === only;
}

function onFault(file: string, reason: string): void {
  say(`warning: ${file} is passed over: ${reason}`);
}

function nothingKept(folder: string, { since, transaction }: Options): ZcontextError {
  const what = transaction === undefined ? "nothing was kept" : `nothing of transaction ${transaction} was kept`;
  return new ZcontextError("ERR_TRANSACTION_UNKNOWN", `${what} since ${since} in ${folder}`, {
    hint: "Run service-context with --history; where that, or --state-dir, names a folder, give it here with --history.",
  });
}
