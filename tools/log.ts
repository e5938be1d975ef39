// The log of a command: how a line looks for people and for programs.
import { pino } from "pino";
import type { Log, LogFields } from "../src/log.ts";
import { withoutColours } from "../src/printed-text.ts";
import { isObject } from "../src/protocol/json.ts";
import { asOneLine } from "../src/text.ts";
import { LOG_LEVELS, type LogLevel } from "./log-levels.ts";
import { createDating, createTransactionSight } from "./log-view.ts";
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
  const dated = createDating(process.stderr.isTTY === true);
  const namesTransaction = createTransactionSight();
  const at = (level: LogLevel) => (fields: LogFields, phrase: string) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const { task, transaction, ...others } = fields;
    const { heading, stamp } = dated(new Date());
    const isNamed = namesTransaction(transaction) || task === undefined;
    const line = formatLine(stamp, level, isNamed ? fields : { task, ...others }, phrase);
    outlet.write(`${heading === undefined ? "" : `${paint("dim", heading)}\n`}${line}\n`, isPrinted(fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Whether the fields are those of a line that a task has printed. */
function isPrinted({ line }: LogFields): boolean {
  return typeof line === "string";
}

const STYLES = { debug: "dim", info: "reset", warn: "yellow", error: "red" } as const;

/**
 * `2026-01-31 12:04:31.207  ts_100    running      pid=4312`; of a line that a task has printed
 * `2026-01-31 12:04:31.207  ts_100    | 5…`
 *
 * @param stamp - When it was, as the reader is to see it.
 * @param fields - A transaction among them is shown.
 */
export function formatLine(
  stamp: string,
  level: LogLevel,
  { task, stream, line, ...fields }: LogFields,
  phrase: string,
  to: NodeJS.WriteStream = process.stderr,
): string {
  const start = `${paint("dim", stamp, to)}  ${plain(String(task ?? "context")).padEnd(8)}  `;
  if (typeof line === "string") {
    const { transaction, fields: said } = fields;
    const sign = paint(stream === "stderr" && level === "error" ? "red" : "dim", stream === "stderr" ? "!" : "|", to);
    const owner = transaction === undefined ? "" : `${plain(String(transaction))} `;
    const facts = isObject(said) ? ` ${paint("dim", formatFacts(said), to)}` : "";
    return `${start}${owner}${sign} ${ended(line, to)}${facts}`;
  }
  return `${start}${paint(STYLES[level], phrase.padEnd(11), to)}  ${formatFacts(fields)}`.trimEnd();
}

/** `pid=4312 by="its schedule"` */
export function formatFacts(fields: LogFields): string {
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return facts.map(([name, value]) => `${plain(name)}=${format(value)}`).join(" ");
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
function ended(line: string, to: NodeJS.WriteStream): string {
  const text = isColoured(to) ? line : withoutColours(line);
  return text.includes("\u001b") ? `${text}\u001b[0m` : text;
}
