// The log of a command: how a line looks for people and for programs.
import { stripVTControlCharacters } from "node:util";
import { pino } from "pino";
import type { Log, LogFields } from "../src/log.ts";
import { LOG_LEVELS, type LogLevel } from "./log-levels.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { paint } from "./print.ts";

/**
 * The log of a command on stderr: for people, or one JSON object a line with `time`, `level`, `msg` and the fields. It
 * never waits for its reader: lines that find no room are dropped and counted, first those that tasks have printed.
 */
export function createLog(format: "pretty" | "json", level: LogLevel): Log {
  const outlet = createOutlet(process.stderr, (count) => log.warn({ count }, "log lines dropped"));
  const log = format === "json" ? createJsonLog(level, outlet) : createPrettyLog(level, outlet);
  return log;
}

function createJsonLog(level: LogLevel, outlet: Outlet): Log {
  let isMinor = false;
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, { write: (text) => outlet.write(text, isMinor) });
  const at = (level: LogLevel) => (fields: LogFields, phrase: string) => {
    isMinor = isPrinted(fields);
    logger[level](fields, phrase);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function createPrettyLog(least: LogLevel, outlet: Outlet): Log {
  const at = (level: LogLevel) => (fields: LogFields, phrase: string) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    outlet.write(`${formatLine(new Date(), level, fields, phrase)}\n`, isPrinted(fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Whether the fields are those of a line that a task has printed. */
function isPrinted({ line }: LogFields): boolean {
  return typeof line === "string";
}

const STYLES = { debug: "dim", info: "reset", warn: "yellow", error: "red" } as const;

/** `12:04:31.207  ts_100    running      transaction=6FDAHH3W pid=4312` */
export function formatLine(
  time: Date,
  level: LogLevel,
  { task, stream, line, ...fields }: LogFields,
  phrase: string,
): string {
  const clock = paint("dim", time.toTimeString().slice(0, 8) + time.toISOString().slice(19, 23));
  const source = plain(String(task ?? "context")).padEnd(8);
  if (typeof line === "string")
    return `${clock}  ${source}  ${paint("dim", stream === "stderr" ? "!" : "|")} ${clean(line)}`;
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return `${clock}  ${source}  ${paint(STYLES[level], phrase.padEnd(11))}  ${facts.map(([name, value]) => `${name}=${format(value)}`).join(" ")}`.trimEnd();
}

function format(value: unknown): string {
  const text = Array.isArray(value)
    ? value.join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
  return plain(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}

/** Text that may come from a message, without characters that control the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// The colours of what a task prints are noise in a file.
function clean(line: string): string {
  return process.stderr.isTTY ? line : stripVTControlCharacters(line);
}
