// The log of a provider in the background: in files that are rotated, as those of tasks are, and in the same form. What tasks
// print is not in it; that has files of its own.
import { ftruncateSync } from "node:fs";
import { providerLogFolderOf, stateFilesOf } from "../../src/context/journal/state-files.ts";
import { type Log, type LogFields, silent } from "../../src/log.ts";
import { formatRecord } from "../../src/logs/records.ts";
import { createLogWriter } from "../../src/logs/writer.ts";
import { MIB_BYTES } from "../../src/units.ts";
import { formatFacts } from "../log.ts";
import { LOG_LEVELS, type LogLevel } from "../log-levels.ts";

export interface ProviderLog extends AsyncDisposable {
  readonly log: Log;
  /** Begins to write: a provider that has started is the only one that may. */
  keep(): void;
}

const CHANNEL = "provider";
const FILE_BYTES = 10 * MIB_BYTES;
const FILES = 5;
const STDERR = 2;

export function openProviderLog(file: string, options: { state_dir?: string; log_level: LogLevel }): ProviderLog {
  const writer = createLogWriter({
    folder: providerLogFolderOf(stateFilesOf(file, options.state_dir)),
    // There is no other place to say it.
    log: silent,
    ...{ fileBytes: FILE_BYTES, files: FILES, totalBytes: FILES * FILE_BYTES },
    gap: (_, lost, reason) => formatRecord({ time: now(), task: "context", lost, reason }),
  });
  const at = (level: LogLevel) => (fields: LogFields, phrase: string) => {
    if (LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(options.log_level) && fields.line === undefined)
      writer.write(CHANNEL, recordOf(level, fields, phrase));
  };
  return {
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    keep() {
      writer.open();
      // The last words of an earlier provider, and what a start that has failed has said.
      ftruncateSync(STDERR);
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}

function recordOf(level: LogLevel, { task, transaction = "", ...facts }: LogFields, phrase: string): string {
  const line = `${phrase.padEnd(11)}  ${formatFacts(facts)}`.trimEnd();
  const about = { task: String(task ?? "context"), transaction: String(transaction), run: 0 };
  return formatRecord({ time: now(), ...about, stream: "stderr", level, line });
}

function now(): string {
  return new Date().toISOString();
}
