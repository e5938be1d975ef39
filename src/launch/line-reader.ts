// Reads what a process writes, line by line, without letting it hold up the event loop: a chunk may be tens of thousands
// of short lines. The stream rests until its lines have been handed on, so that the pipe fills and slows the process down.
import type { Readable } from "node:stream";
import { deferred } from "../deferred.ts";
import { createLineSplitter } from "../protocol/lines.ts";
import type { Turns } from "./time-slices.ts";

export interface LineReader {
  /** Resolves when the stream is closed and every line of it has been handed on. */
  readonly done: Promise<void>;
  /** Nothing more is handed on. */
  cut(): void;
}

/** Hands on the lines of a stream in their order. */
export function readLines(
  stream: Readable,
  { maxLength, turns, onLine }: { maxLength: number; turns: Turns; onLine: (line: string) => void },
): LineReader {
  let lines: string[] = [];
  let next = 0;
  let isWaiting = false;
  let isClosed = false;
  let isCut = false;
  const done = deferred();
  const splitter = createLineSplitter((line) => lines.push(line), maxLength);

  function handOnOne(): boolean {
    const line = lines[next];
    next += 1;
    if (line !== undefined) onLine(line);
    if (next < lines.length) return true;
    lines = [];
    next = 0;
    isWaiting = false;
    if (stream.isPaused()) stream.resume();
    if (isClosed) done.resolve();
    return false;
  }

  function offer(): void {
    if (isCut) lines = [];
    if (!isWaiting && lines.length > 0) {
      isWaiting = true;
      turns.join(handOnOne);
    }
    // Also where it was resumed by others: Node does so with the streams of a process that has ended.
    if (isWaiting) stream.pause();
  }

  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    splitter.push(chunk);
    offer();
  });
  stream.on("end", () => {
    splitter.end();
    offer();
  });
  stream.on("close", () => {
    isClosed = true;
    if (!isWaiting) done.resolve();
  });
  return {
    done: done.promise,
    cut() {
      isCut = true;
      lines = [];
    },
  };
}
