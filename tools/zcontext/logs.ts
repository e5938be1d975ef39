// `zcontext logs`: prints what tasks have printed, as their provider keeps it in files, whether one runs now or not; and
// goes on with what they print from now on.
import { once } from "node:events";
import { logsFolderOf, providerLogFolderOf } from "../../src/context/journal/state-files.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { compileLinePattern } from "../../src/line-pattern.ts";
import { channelOf, type LogFiles } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { follow } from "../../src/logs/follower.ts";
import { type ReadOptions, readBackward, readForward } from "../../src/logs/reader.ts";
import { isGap, type LogRecord } from "../../src/logs/records.ts";
import { createSelection } from "../../src/logs/selection.ts";
import { asAscii } from "../../src/protocol/json.ts";
import { findTarget, type TargetOptions } from "../kept/target.ts";
import { leaveRequest } from "../leaving.ts";
import { formatLine } from "../log.ts";
import { createDating, createTransactionSight } from "../log-view.ts";
import { answer, EXIT, paint, say } from "../print.ts";
import { readSince } from "../since.ts";

/** See `--help`. */
export interface LogsOptions extends TargetOptions {
  task_id?: readonly string[];
  transaction?: string;
  follow?: true;
  tail?: number;
  since?: string;
  until?: string;
  grep?: string;
  stderr?: true;
  provider?: true;
  json?: true;
}

/** How many lines are printed where neither their number nor their time is given. */
const TAIL = 100;

/** Prints the lines that the options ask for; returns the exit code. */
export async function printLogs(options: LogsOptions): Promise<number> {
  const nowMs = Date.now();
  const sinceMs = options.since === undefined ? undefined : readSince(options.since, nowMs);
  const untilMs = options.until === undefined ? undefined : readSince(options.until, nowMs, "--until");
  const isMeant = createSelection({
    tasks: options.task_id,
    transaction: options.transaction,
    stream: options.stderr ? "stderr" : undefined,
    sinceMs,
    untilMs,
    matches: options.grep === undefined ? undefined : patternOf(options.grep),
  });
  const left = leaveRequest();
  const { state } = await findTarget(options);
  const folder = options.provider ? providerLogFolderOf(state) : logsFolderOf(state);
  const all = await listed(folder);
  const snapshot = options.provider ? all : onlyOf(all, options.task_id);
  if (all.length === 0 && !options.follow) throw nothingThere(folder, options);
  const most = options.tail ?? (sinceMs === undefined && untilMs === undefined ? TAIL : Number.POSITIVE_INFINITY);
  const printer = createPrinter(options, left.signal);
  const read = { sinceMs, onFault: createFaultTeller(folder) };
  const shown = Number.isFinite(most)
    ? lastOf(folder, snapshot, { ...read, most, isMeant })
    : readForward(folder, snapshot, read);
  let count = 0;
  for await (const record of shown) {
    if (left.signal.aborted) break;
    if (!isMeant(record)) continue;
    count += 1;
    await printer.print(record);
  }
  if (options.follow) {
    const onFault = (error: unknown) => say(`warning: ${folder}: ${reasonOf(error)}`);
    for await (const records of follow(folder, all, { signal: left.signal, onFault }))
      for (const record of records) if (isMeant(record)) await printer.print(record);
  } else if (count === 0) say("no line of that kind");
  return EXIT.done;
}

async function listed(folder: string): Promise<LogFiles[]> {
  return snapshotOf(folder).catch((error: unknown) => {
    throw new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot read the logs in ${folder}: ${reasonOf(error)}`, {
      hint: "They belong to the user that runs the provider.",
      cause: error,
    });
  });
}

/** The files of the tasks that are named by their whole ids; patterns are matched against each record. */
function onlyOf(files: readonly LogFiles[], tasks: readonly string[] | undefined): readonly LogFiles[] {
  if (tasks === undefined || tasks.some((id) => id.includes("*"))) return files;
  const channels = new Set(tasks.map(channelOf));
  return files.filter(({ channel }) => channels.has(channel));
}

function nothingThere(folder: string, { provider }: LogsOptions): ZcontextError {
  if (provider)
    return new ZcontextError("ERR_CONFIG_UNREADABLE", `there is no log of a provider in ${folder}`, {
      hint: "A provider keeps its log there that was started with --daemon. Any other one writes it to its stderr, which a service manager may keep: journalctl -u zcontext-NAME.",
    });
  return new ZcontextError("ERR_CONFIG_UNREADABLE", `there are no logs in ${folder}`, {
    hint: 'A provider keeps them unless its file says <Logs total_mib="0"/>. If it was started with --state-dir, name that folder.',
  });
}

function patternOf(text: string): (line: string) => boolean {
  try {
    return compileLinePattern(text).matches;
  } catch (error) {
    throw new ZcontextError(
      "ERR_USAGE",
      `--grep: expected a pattern as of RE2, got ${JSON.stringify(text)}: ${reasonOf(error)}`,
      {
        hint: "A character with a meaning is written with a backslash: --grep '\\(42\\)'.",
      },
    );
  }
}

async function* lastOf(
  folder: string,
  snapshot: readonly LogFiles[],
  { most, isMeant, ...options }: ReadOptions & { most: number; isMeant(record: LogRecord): boolean },
): AsyncGenerator<LogRecord> {
  const found: LogRecord[] = [];
  if (most > 0)
    for await (const record of readBackward(folder, snapshot, options)) {
      if (isMeant(record)) found.push(record);
      if (found.length >= most) break;
    }
  yield* found.reverse();
}

function createFaultTeller(folder: string): (file: string, error: unknown) => void {
  return (file, error) => say(`warning: ${folder}/${file} can't be read: ${reasonOf(error)}`);
}

interface Printer {
  /** Resolves when the reader of stdout has kept up. */
  print(record: LogRecord): Promise<void>;
}

function createPrinter({ json, provider }: Pick<LogsOptions, "json" | "provider">, signal: AbortSignal): Printer {
  const dated = createDating(process.stdout.isTTY === true);
  const namesTransaction = createTransactionSight();

  function write(record: LogRecord): void {
    if (json) return answer(asAscii(JSON.stringify(record)));
    const { heading, stamp } = dated(new Date(record.time));
    if (heading !== undefined) answer(paint("dim", heading, process.stdout));
    answer(isGap(record) ? gapLine(stamp, record) : lineOf(stamp, record));
  }

  function lineOf(
    stamp: string,
    { task, transaction, stream, level, line, fields }: Exclude<LogRecord, { lost: number }>,
  ): string {
    if (provider) return formatLine(stamp, level ?? "info", { task }, line, process.stdout);
    const isNamed = namesTransaction(transaction);
    const shown = { task, stream, line, fields, ...(isNamed && { transaction }) };
    return formatLine(stamp, level ?? "info", shown, "output", process.stdout);
  }

  return {
    async print(record) {
      write(record);
      if (process.stdout.writableNeedDrain && !signal.aborted)
        await once(process.stdout, "drain", { signal }).catch(() => {});
    },
  };
}

function gapLine(stamp: string, { task, lost, reason }: Extract<LogRecord, { lost: number }>): string {
  return formatLine(stamp, "warn", { task, count: lost, reason }, "lines lost", process.stdout);
}
