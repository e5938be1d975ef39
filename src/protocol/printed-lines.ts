// Makes lines of what a program prints as a person reads them, and of text without a line end as well, once it is time:
// prompts and progress bars have none. Pure.
import { readableLine, withoutColours } from "../printed-text.ts";
import type { JsonObject } from "./json.ts";
import type { LineSplitter } from "./lines.ts";
import { readSaid, type SaidLevel } from "./said.ts";

/** What has been printed, as `readableLine` has it. */
export interface PrintedLine {
  /** What is new, with its colours: a whole line, or what has been added to one that was handed on in part. */
  line: string;
  /** The whole line, as far as it has been printed, without its colours. */
  whole: string;
  /** More of the line may follow. */
  isPart?: boolean | undefined;
  /** Its beginning has been handed on before. */
  continues?: boolean | undefined;
  /** What the task has logged the line with. */
  level?: SaidLevel | undefined;
  fields?: JsonObject | undefined;
}

/** A line that comes from another process, which may have put anything into it. */
export function printedLineOf({
  line,
  whole = line,
  isPart,
  continues,
  level,
  fields,
}: Omit<PrintedLine, "whole"> & { whole?: string | undefined }): PrintedLine {
  const readable = { line: readableLine(line), whole: withoutColours(readableLine(whole)) };
  return { ...readable, ...about({ isPart, continues, level, fields }) };
}

/** What there is to say of a line, without what is not so. */
function about({ isPart, continues, level, fields }: Omit<PrintedLine, "line" | "whole">): Partial<PrintedLine> {
  return {
    ...(isPart && { isPart }),
    ...(continues && { continues }),
    ...(level !== undefined && { level }),
    ...(fields !== undefined && { fields }),
  };
}

/** Puts chunks of text together again into whole lines, and hands on parts of lines. */
export interface PrintedLines extends LineSplitter {
  /** Whether there is text without a line end that has not been handed on. */
  readonly hasPart: boolean;
  /** Passes on the text that has no line end yet. */
  passPart(): void;
}

/** @param maxLength - A longer line is cut into pieces. */
export function createPrintedLines(onLine: (printed: PrintedLine) => void, maxLength: number): PrintedLines {
  /** What has been printed of a line without its end. */
  let rest = "";
  /** How much of it has been passed on. */
  let passed = 0;

  function pass(text: string, isPart = false): void {
    const printed = text.endsWith("\r") ? text.slice(0, -1) : text;
    const line = readableLine(printed.slice(passed));
    const continues = passed > 0;
    const isNew = !continues || withoutColours(line).trim() !== "";
    const whole = () => withoutColours(continues ? readableLine(printed) : line);
    if (isNew) onLine({ line, whole: whole(), ...about({ isPart, continues, ...readSaid(printed) }) });
  }

  function cutLong(): void {
    while (rest.length > maxLength) {
      const end = endOfPiece(rest, maxLength);
      pass(rest.slice(0, end));
      rest = rest.slice(end);
      passed = Math.max(0, passed - end);
    }
  }

  return {
    get hasPart() {
      return rest.length > passed && endOfFinished(rest) > passed;
    },
    passPart() {
      const end = endOfFinished(rest);
      if (end > passed) pass(rest.slice(0, end), true);
      passed = Math.max(passed, end);
    },
    push(chunk) {
      const lines = chunk.split("\n");
      for (const [index, text] of lines.entries()) {
        rest += text;
        cutLong();
        if (index === lines.length - 1) break;
        pass(rest);
        rest = "";
        passed = 0;
      }
    },
    end() {
      if (rest.length > passed) pass(rest);
      rest = "";
      passed = 0;
    },
  };
}

/** How far back a cut may move, so that it falls between two things. */
const MAX_MOVE = 1_024;
/** The beginning of a control sequence whose end is still to come. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a control sequence begins with one.
const UNFINISHED = /\u{1b}(?:\[[0-?]*[ -/]*|[\]PX^_]\P{Cc}*)?$/u;
const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The text without a control sequence that it ends in the middle of. */
function endOfFinished(text: string): number {
  const from = Math.max(0, text.length - MAX_MOVE);
  const at = text.slice(from).search(UNFINISHED);
  return at < 0 ? text.length : from + at;
}

/** Where a line is cut that is too long: before a state of a progress bar, a control sequence, or a character. */
function endOfPiece(line: string, maxLength: number): number {
  const from = Math.max(0, maxLength - MAX_MOVE);
  const ends = [
    line.lastIndexOf("\r", maxLength - 1),
    endOfFinished(line.slice(0, maxLength)),
    from + (characters.segment(line.slice(from, maxLength + MAX_MOVE)).containing(maxLength - from)?.index ?? 0),
  ];
  return ends.find((end) => end > from && end < maxLength) ?? maxLength;
}
