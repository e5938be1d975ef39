// What a provider keeps of its tasks' output: each whole line, dated, in a file of the task. Whatever becomes of the disk,
// no task and no provider waits for it.
import type { Logs } from "../../src/config/context-config.ts";
import { logsFolderOf, stateFilesOf } from "../../src/context/journal/state-files.ts";
import type { ProviderEvent, ProviderObserver } from "../../src/context/transaction/observer.ts";
import type { Log } from "../../src/log.ts";
import { channelOf } from "../../src/logs/files.ts";
import { formatRecord } from "../../src/logs/records.ts";
import { createWholeLines } from "../../src/logs/whole-lines.ts";
import { createLogWriter, type LogWriterOptions } from "../../src/logs/writer.ts";
import { MIB_BYTES } from "../../src/units.ts";

export interface LogKeeper extends AsyncDisposable {
  readonly observer: ProviderObserver;
  /** Begins to write: a provider that has started is the only one that may. */
  keep(): void;
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
  { file, logs, log, ...rest }: { file: string; logs: Logs; log: Log } & Partial<LogWriterOptions>,
): LogKeeper | undefined {
  const {
    log_size: totalMib = logs.totalMib,
    log_file_size: fileMib = logs.fileMib,
    log_files: files = logs.files,
  } = options;
  if (totalMib === 0) return undefined;
  const totalBytes = totalMib * MIB_BYTES;
  const tasks = new Map<string, string>();
  const writer = createLogWriter({
    folder: logsFolderOf(stateFilesOf(file, options.state_dir)),
    log,
    files,
    fileBytes: Math.min(fileMib * MIB_BYTES, totalBytes / 4),
    totalBytes,
    gap: (channel, lost, reason) => formatRecord({ time: now(), task: tasks.get(channel) ?? channel, lost, reason }),
    ...rest,
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

  function observe(event: ProviderEvent): void {
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

  return {
    observer: observe,
    keep: writer.open,
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

function keyOf({ transaction, task }: { transaction: string; task: string }, stream: string): string {
  return JSON.stringify([transaction, task, stream]);
}

function now(): string {
  return new Date().toISOString();
}
