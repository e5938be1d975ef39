// What the commands print and exit with: answers on stdout, everything else on stderr, colour only on a terminal.
import { styleText } from "node:util";
import { type ErrorCode, reasonOf, ZcontextError } from "../src/errors.ts";
import { asOneLine } from "../src/text.ts";
import { neverWait } from "./outlet.ts";

/** What the exit codes of all commands mean. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  taken: 3,
  gone: 3,
  forbidden: 4,
  late: 5,
  partly: 6,
  internal: 70,
} as const;

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  ERR_CONFIG_INVALID: EXIT.usage,
  ERR_CONFIG_UNREADABLE: EXIT.usage,
  ERR_ENDPOINT_PUBLIC: EXIT.usage,
  ERR_TARGET_REFUSED: EXIT.usage,
  ERR_TEMPLATE_INVALID: EXIT.usage,
  ERR_USAGE: EXIT.usage,
  ERR_PROVIDER_RUNNING: EXIT.taken,
  ERR_ENDPOINT_IN_USE: EXIT.taken,
  ERR_PROVIDER_GONE: EXIT.gone,
  ERR_LOCATION_FORBIDDEN: EXIT.forbidden,
  ERR_REQUEST_TIMEOUT: EXIT.late,
};

export function exitCodeOf(error: unknown): number {
  return error instanceof ZcontextError ? (EXIT_CODES[error.code] ?? EXIT.failed) : EXIT.internal;
}

/** Prints an error for people: its message and code, each single problem, what to do. */
export function printError(error: unknown): void {
  if (!(error instanceof ZcontextError))
    return say(`${paint("red", "error:")} ${error instanceof Error ? error.stack : reasonOf(error)}`);
  say(`${paint("red", "error:")} ${error.message} (${error.code})`);
  for (const detail of error.details) say(`  ${detail}`);
  if (error.hint !== undefined) say(`${paint("cyan", "hint:")} ${error.hint}`);
}

/** An error for programs. */
export function errorAsJson(error: ZcontextError): {
  result: "failure";
  code: string;
  reason: string;
  details?: readonly string[];
} {
  const { code, message: reason, details } = error;
  return { result: "failure", code, reason, ...(details.length > 0 ? { details } : {}) };
}

/** Prints a line to stderr: all that is not the answer. */
export function say(text: string): void {
  neverWait(process.stderr);
  process.stderr.write(`${text}\n`);
}

/** Prints a line of the answer to stdout. */
export function answer(text: string): void {
  neverWait(process.stdout);
  process.stdout.write(`${text}\n`);
}

export function answerJson(value: unknown): void {
  answer(asOneLine(JSON.stringify(value)));
}

type Style = Parameters<typeof styleText>[0];

/** Colours text for a stream, stderr by default, where that is a terminal and NO_COLOR is not set. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stderr): string {
  // Without validateStream, styleText would decide by stdout alone.
  return isColoured(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** Whether a stream is a terminal and NO_COLOR is not set. */
export function isColoured(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}

/** A figure as tables show it: `0.4%`. */
export function percent(value: number): string {
  return `${value.toFixed(1)}%`;
}

/** A figure as tables show it: `41.2 MiB`. */
export function mebibytes(value: number): string {
  return `${value.toFixed(1)} MiB`;
}
