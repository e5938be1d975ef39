// What a provider keeps of its tasks: each whole line that they print, dated, in a file of the task, and what happens to
// them, in a file of its own. Whatever becomes of the disk, no task and no provider waits for it.
import type { Logs } from "../../src/config/context-config.ts";
import { logsFolderOf, stateFilesOf } from "../../src/context/journal/state-files.ts";
import type { ProviderEvent, ProviderObserver } from "../../src/context/transaction/observer.ts";
import { type Fact, formatFact } from "../../src/explain/facts.ts";
import { createThinning } from "../../src/explain/thinning.ts";
import type { KeptLogs } from "../../src/http/contract/source.ts";
import type { Log } from "../../src/log.ts";
import { channelOf, EVENTS_CHANNEL, type Retention } from "../../src/logs/files.ts";
import { snapshotOf } from "../../src/logs/folder.ts";
import { readBackward, readForward } from "../../src/logs/reader.ts";
import { formatRecord, type LogRecord } from "../../src/logs/records.ts";
import { createWholeLines } from "../../src/logs/whole-lines.ts";
import { createLogWriter } from "../../src/logs/writer.ts";
import { pickTransition } from "../../src/protocol/transition.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { type OomWatch, watchOomKiller } from "./oom-watch.ts";

export interface LogKeeper extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** Begins to write: a provider that has started is the only one that may. */
  keep(): void;
  readonly keptLogs: KeptLogs;
}

/** What the command says in place of the file. */
export interface LogOptions {
  log_size?: number;
  log_file_size?: number;
  log_files?: number;
  state_dir?: string;
}

type Printed = Extract<ProviderEvent, { type: "output" }>;

/** Undefined where nothing is to be kept. */
export function createLogKeeper(
  options: LogOptions,
  { file, logs, log, oomWatch = watchOomKiller() }: { file: string; logs: Logs; log: Log; oomWatch?: OomWatch },
): LogKeeper | undefined {
  const first = retentionOf(options, logs);
  if (first.totalBytes === 0) return undefined;
  const tasks = new Map<string, string>();
  const folder = logsFolderOf(stateFilesOf(file, options.state_dir));
  const triggers = createThinning();
  const writer = createLogWriter({
    folder,
    log,
    ...first,
    gap: (channel, lost, reason) => formatRecord({ time: now(), task: tasks.get(channel) ?? channel, lost, reason }),
  });
  const whole = createWholeLines<{ time: string; event: Printed }>();

  function write({ printed, about: { time, event } }: ReturnType<typeof whole.add>[number]): void {
    const { task, transaction, run, stream } = event;
    const { whole: line, level, fields } = printed;
    const channel = channelOf(task);
    tasks.set(channel, task);
    writer.write(
      channel,
      formatRecord({ time, task, transaction, run, stream, ...(level && { level }), line, ...(fields && { fields }) }),
    );
  }

  function note(fact: Fact): void {
    writer.write(EVENTS_CHANNEL, formatFact(fact));
  }

  function noteMove({ transition, detail }: Extract<ProviderEvent, { type: "moved" }>): void {
    // A task that we have killed was not killed by the kernel.
    const isStranger = transition.event === "exit" && transition.signal === "SIGKILL" && !detail.escalated;
    const oom = isStranger ? oomWatch.hasKilled() : undefined;
    note({ kind: "moved", ...pickTransition(transition), ...detail, ...(oom && { oom }) });
  }

  function noteTrigger({
    transaction,
    task,
    event,
    action,
    call,
  }: Extract<ProviderEvent, { type: "triggered" }>): void {
    const skipped = triggers.note(JSON.stringify([transaction, task, event]), performance.now());
    if (skipped === undefined) return;
    const often = skipped === 0 ? {} : { skipped };
    note({ kind: "triggered", time: now(), transaction, task, event, action, call, ...often });
  }

  async function* recordsOf(task: string, read: typeof readForward): AsyncGenerator<LogRecord> {
    const own = (await snapshotOf(folder)).filter(({ channel }) => channel === channelOf(task));
    yield* read(folder, own);
  }

  function observe(event: ProviderEvent): void {
    if (event.type === "reloaded") writer.retain(retentionOf(options, event.config.logs));
    if (event.type === "moved") noteMove(event);
    if (event.type === "triggered") noteTrigger(event);
    if (event.type === "noted") {
      const { transaction, task, phrase, reason } = event;
      note({ kind: "noted", time: now(), transaction, task, phrase, reason });
    }
    if (event.type === "output") {
      const about = { time: now(), event };
      for (const line of whole.add(keyOf(event, event.stream), event, about)) write(line);
    }
    // The last event of a run: all that it has printed has come.
    if (event.type === "moved" && event.transition.event === "exit") {
      const { transition } = event;
      for (const line of whole.end(keyOf(transition, "stdout"), keyOf(transition, "stderr"))) write(line);
    }
  }

  note({ kind: "provider", time: now(), event: "begin", pid: process.pid });
  return {
    observer: observe,
    keep: writer.open,
    keptLogs: {
      lost: () => writer.lost,
      oldestFirst: (task) => recordsOf(task, readForward),
      youngestFirst: (task) => recordsOf(task, readBackward),
    },
    async [Symbol.asyncDispose]() {
      oomWatch[Symbol.dispose]();
      note({ kind: "provider", time: now(), event: "end", pid: process.pid });
      await writer[Symbol.asyncDispose]();
    },
  };
}

/** What the command says counts, whatever the file says. */
function retentionOf(
  { log_size, log_file_size, log_files }: LogOptions,
  { totalMib, fileMib, files }: Logs,
): Retention {
  const totalBytes = (log_size ?? totalMib) * MIB_BYTES;
  const fileBytes = Math.min((log_file_size ?? fileMib) * MIB_BYTES, totalBytes / 4);
  return { totalBytes, fileBytes, files: log_files ?? files };
}

// Two runs of a task may print at the same time: one that is on trial, and the one that it is to replace.
function keyOf({ transaction, task, run }: { transaction: string; task: string; run: number }, stream: string): string {
  return JSON.stringify([transaction, task, run, stream]);
}

function now(): string {
  return new Date().toISOString();
}
