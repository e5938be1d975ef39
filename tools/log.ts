// The log of a command: how a line looks for people and for programs.
import { pino } from "pino";
import type { Log, LogFields } from "../src/log.ts";
import { withoutColours } from "../src/printed-text.ts";
import { asOneLine } from "../src/text.ts";
import { LOG_LEVELS, type LogLevel } from "./log-levels.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import { isColoured, paint } from "./print.ts";

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
  const logger = pino(options, { write: (text) => outlet.write(asOneLine(text), isMinor) });
  const at = (level: LogLevel) => (fields: LogFields, phrase: string) => {
    isMinor = isPrinted(fields);
    logger[level](isMinor ? { ...fields, line: withoutColours(String(fields.line)) } : fields, phrase);
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
    return `${clock}  ${source}  ${paint("dim", stream === "stderr" ? "!" : "|")} ${ended(line)}`;
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return `${clock}  ${source}  ${paint(STYLES[level], phrase.padEnd(11))}  ${facts.map(([name, value]) => `${name}=${format(value)}`).join(" ")}`.trimEnd();
}

function format(value: unknown): string {
  const text = Array.isArray(value) ? value.map(formatItem).join(", ") : formatItem(value);
  return plain(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}

/** A process is told as `sleep 4312 signal=SIGTERM`, and anything else that has fields as JSON. */
function formatItem(item: unknown): string {
  if (typeof item !== "object" || item === null) return String(item);
  if (!("pid" in item && "name" in item)) return JSON.stringify(item);
  const { name, pid, ...others } = item;
  return [name, pid, ...Object.entries(others).map((fact) => fact.join("="))].join(" ");
}

/** Text that may come from a message, without characters that control the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// What a task prints has no control characters but those of its colours. They are noise in a file.
function ended(line: string): string {
  const text = isColoured(process.stderr) ? line : withoutColours(line);
  return text.includes("\u001b") ? `${text}\u001b[0m` : text;
}
