// What `context-monitor --since` does: reads what providers have kept, whether one runs or not, and prints what it comes
// to.
import { findPresence } from "../../src/context/provider/presence.ts";
import { ZcontextError } from "../../src/errors.ts";
import { readHistory } from "../../src/history/reader.ts";
import { formatRecord, type HistoryRecord } from "../../src/history/records.ts";
import { asAscii } from "../../src/protocol/json.ts";
import { answer, EXIT, say } from "../print.ts";
import { readerGone } from "../program.ts";
import { findFolder, type HistoryPlace, unreadable } from "./past-folder.ts";
import { createPastReport } from "./past-report.ts";
import { drawPast } from "./past-table.ts";
import { readSince } from "./since.ts";
import { speaksUnicode } from "./text.ts";

/** The options that concern a look back. */
export interface Options extends HistoryPlace {
  since: string;
  transaction?: string;
  json?: true;
}

/** How tasks stand is said once a minute: read from so much earlier on, in milliseconds, to know it. */
const LEAD_MS = 120_000;
/** A reader that takes longer says so, in milliseconds. */
const PATIENCE_MS = 1_000;

/** Prints what was kept since a time; answers the exit code. */
export async function lookBack(options: Options): Promise<number> {
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
  const report = createPastReport({ sinceMs, untilMs: nowMs, transaction });
  for await (const record of readHistory(folder, { sinceMs: sinceMs - LEAD_MS, onFault })) report.add(record);
  const past = report.read(file === undefined ? undefined : await isRunning(file));
  const isUnicode = speaksUnicode(process.env);
  const hasSparklines = isUnicode && process.stdout.isTTY === true && process.env.TERM !== "dumb";
  for (const line of drawPast(past, { isUnicode, hasSparklines })) answer(line);
  return past.span !== undefined;
}

// One that is halted does not answer, and is there.
async function isRunning(file: string): Promise<boolean> {
  return findPresence(file).then(
    (presence) => presence !== undefined,
    () => true,
  );
}

async function printRecords(folder: string, sinceMs: number, { transaction }: Options): Promise<boolean> {
  const gone = readerGone().then(() => "gone" as const);
  // Those of providers say nothing where there is nothing else.
  let held: string[] = [];
  let isFound = false;
  for await (const record of readHistory(folder, { sinceMs, onFault })) {
    if (!isMeant(record, transaction)) continue;
    isFound ||= record.kind !== "provider";
    held.push(asAscii(formatRecord(record).trimEnd()));
    if (!isFound) continue;
    held.forEach(answer);
    held = [];
    // There may be more of them than there is memory.
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
