// Reads what a process writes, line by line, without blocking the event loop: one chunk may hold tens of thousands of short
// lines. The stream is paused until its lines have been delivered, so that the pipe fills and slows the process down. Tells
// when nothing more comes.
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../../deferred.ts";
import { createPartTimer } from "../../part-timer.ts";
import { createLineSplitter, type LineSplitter, MAX_LINE_LENGTH } from "../../protocol/lines.ts";
import { createPrintedLines, type PrintedLine } from "../../protocol/printed-lines.ts";
import type { TimeSlices } from "./time-slices.ts";

export interface LineReader {
  /** Resolves when the stream is closed and every line of it has been delivered. */
  readonly done: Promise<void>;
  /**
   * Resolves when everything that was written before the call has been read: the stream was empty once, or has brought more
   * than a pipe holds. At the latest when it is done.
   */
  caughtUp(): Promise<void>;
  /** Resolves when nothing has come for so long, counted from the last delivery. At the latest when it is done. */
  silent(forMs: number): Promise<void>;
  /** Reads no more, and delivers all that has been read. */
  close(): Promise<void>;
}

export interface LineReaderOptions<Line> {
  slices: TimeSlices;
  /** How many lines are delivered at a time, as long as they are short; by default 16. */
  linesAtATime?: number;
  onLine(line: Line): void;
}

/** The most that a pipe of an unprivileged process holds, in bytes; 16 times the usual. */
const MAX_PIPE_BYTES = 1024 * 1024;

// On a busy machine a time slice may be over as soon as it has begun, and would bring one line.
const LINES_AT_A_TIME = 16;
/** Behind a line of so many characters no other is delivered at the same time. */
const LONG = 1_024;

/** Delivers the lines of a stream in their order. */
export function readLines(
  stream: Readable,
  { maxLength, ...options }: LineReaderOptions<string> & { maxLength: number },
): LineReader {
  return startReader(stream, { ...options, lengthOf: (line) => line.length }, (onLine) => ({
    splitter: createLineSplitter(onLine, maxLength),
  }));
}

/** Delivers what a program prints, in its order; text without a line end as well, once nothing more comes. */
export function readPrintedLines(stream: Readable, options: LineReaderOptions<PrintedLine>): LineReader {
  return startReader(stream, { ...options, lengthOf: ({ line }) => line.length }, (onLine, onPart, isHeld) => {
    const splitter = createPrintedLines(onLine, MAX_LINE_LENGTH);
    const lines = {
      get hasPart() {
        return splitter.hasPart;
      },
      passPart() {
        splitter.passPart();
        onPart();
      },
    };
    return { splitter, onArrived: createPartTimer({ lines, isHeld }).arrived };
  });
}

type Split<Line> = (
  onLine: (line: Line) => void,
  onPart: () => void,
  isHeld: () => boolean,
) => { splitter: LineSplitter; onArrived?: () => void };

function startReader<Line>(
  stream: Readable,
  {
    slices,
    linesAtATime = LINES_AT_A_TIME,
    onLine,
    lengthOf,
  }: LineReaderOptions<Line> & { lengthOf(line: Line): number },
  split: Split<Line>,
): LineReader {
  let lines: Line[] = [];
  let next = 0;
  let isScheduled = false;
  let isClosed = false;
  let isDone = false;
  let chunks = 0;
  let length = 0;
  let lastMs = performance.now();
  const done = deferred();
  const isHeld = () => isScheduled || stream.isPaused();
  const { splitter, onArrived } = split((line) => lines.push(line), scheduleDelivery, isHeld);

  function deliver(): boolean {
    for (const line of lines.slice(next, next + linesAtATime)) {
      next += 1;
      onLine(line);
      if (lengthOf(line) >= LONG) break;
    }
    if (next < lines.length) return true;
    lines = [];
    next = 0;
    isScheduled = false;
    lastMs = performance.now();
    if (stream.isPaused()) stream.resume();
    if (isClosed) finish();
    return false;
  }

  function scheduleDelivery(): void {
    if (!isScheduled && lines.length > 0) {
      isScheduled = true;
      slices.schedule(deliver);
    }
    // Every time, since Node resumes the streams of a process that has exited.
    if (isScheduled) stream.pause();
  }

  function finish(): void {
    isDone = true;
    done.resolve();
  }

  /** Whether the stream had nothing to read when the event loop last looked. */
  async function isEmpty(): Promise<boolean> {
    const before = chunks;
    await nextPoll();
    return chunks === before && !isHeld();
  }

  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    chunks += 1;
    length += chunk.length;
    lastMs = performance.now();
    splitter.push(chunk);
    scheduleDelivery();
    onArrived?.();
  });
  stream.on("end", () => {
    splitter.end();
    scheduleDelivery();
  });
  stream.on("close", () => {
    isClosed = true;
    if (!isScheduled) finish();
  });
  return {
    done: done.promise,
    async caughtUp() {
      const before = length;
      while (!isDone && length - before <= MAX_PIPE_BYTES) if (await isEmpty()) return;
    },
    async silent(forMs) {
      while (!isDone) {
        const leftMs = lastMs + forMs - performance.now();
        if (leftMs > 0) await pause(leftMs, undefined, { ref: false });
        else if (await isEmpty()) return;
      }
    },
    close() {
      if (!isClosed) {
        splitter.end();
        scheduleDelivery();
        stream.destroy();
      }
      return done.promise;
    },
  };
}

// Immediates are called once the event loop has read what its inputs have.
function nextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
