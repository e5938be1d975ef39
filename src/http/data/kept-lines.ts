// Searches what is kept of the lines of a task, and writes it as text, within bounds: a search at a time, and a few texts.

import { isGap, type LineRecord, type LogRecord } from "../../logs/records.ts";
import type { FoundLines, OutputLine } from "../contract/api.ts";
import type { KeptLogs } from "../contract/source.ts";
import { createTurns } from "./turns.ts";

/** Whose lines. */
export interface Owner {
  transaction: string;
  task: string;
}

export interface KeptLines {
  /** Undefined when too many searches wait already, or the signal was aborted. */
  search(owner: Owner, matches: (line: string) => boolean, signal: AbortSignal): Promise<FoundLines | undefined>;
  /** All of it, in pieces of many lines; undefined when too many are being read. */
  text(owner: Owner): AsyncGenerator<string> | undefined;
}

/** How many lines an answer has. */
const MOST_FOUND = 500;
/** How many searches may wait or be under way. */
const MOST_SEARCHES = 8;
/** How many texts may be read at the same time. */
const MOST_TEXTS = 4;
/** A piece of a text is about so long, in characters. */
const PIECE_LENGTH = 64 * 1_024;

export function createKeptLines({ oldestFirst, youngestFirst }: KeptLogs): KeptLines {
  const turns = createTurns(MOST_SEARCHES);
  let texts = 0;

  async function searchNow(owner: Owner, matches: (line: string) => boolean, signal: AbortSignal) {
    const found: OutputLine[] = [];
    for await (const record of youngestFirst(owner.task)) {
      if (signal.aborted) return undefined;
      if (isGap(record) || !isOf(record, owner) || !matches(record.line)) continue;
      if (found.length === MOST_FOUND) return { lines: found.reverse(), isMore: true };
      found.push(outputLine(record));
    }
    return { lines: found.reverse(), isMore: false };
  }

  async function* read(owner: Owner): AsyncGenerator<string> {
    try {
      let piece = "";
      for await (const record of oldestFirst(owner.task)) {
        if (!isGap(record) && !isOf(record, owner)) continue;
        piece += textOf(record);
        if (piece.length < PIECE_LENGTH) continue;
        yield piece;
        piece = "";
      }
      yield piece;
    } finally {
      texts -= 1;
    }
  }

  return {
    search: (owner, matches, signal) => turns.take(() => searchNow(owner, matches, signal)),
    text(owner) {
      if (texts >= MOST_TEXTS) return undefined;
      texts += 1;
      return read(owner);
    },
  };
}

function isOf({ transaction, task }: LineRecord, owner: Owner): boolean {
  return task === owner.task && transaction === owner.transaction;
}

function outputLine({ time, stream, line }: LineRecord): OutputLine {
  return { time, stream, line };
}

/** `2026-01-31T11:40:32.041Z | mail to ada {"invoice":1}` */
export function textOf(record: LogRecord): string {
  if (isGap(record)) return `${record.time} - ${record.lost} lines lost: ${record.reason}\n`;
  const { time, stream, line, fields } = record;
  const facts = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
  return `${time} ${stream === "stderr" ? "!" : "|"} ${line}${facts}\n`;
}
