// Reads what a process writes, line by line, without blocking the event loop: one chunk may hold tens of thousands of short
// lines. The stream is paused until its lines have been delivered, so that the pipe fills and slows the process down.
import type { Readable } from "node:stream";
import { deferred } from "../deferred.ts";
import { createLineSplitter } from "../protocol/lines.ts";
import type { TimeSlices } from "./time-slices.ts";

export interface LineReader {
  /** Resolves when the stream is closed and every line of it has been delivered. */
  readonly done: Promise<void>;
  /** Drops all lines that are not delivered yet. */
  cut(): void;
}

export interface LineReaderOptions {
  maxLength: number;
  slices: TimeSlices;
  onLine(line: string): void;
}

/** Delivers the lines of a stream in their order. */
export function readLines(stream: Readable, { maxLength, slices, onLine }: LineReaderOptions): LineReader {
  let lines: string[] = [];
  let next = 0;
  let isScheduled = false;
  let isClosed = false;
  let isCut = false;
  const done = deferred();
  const splitter = createLineSplitter((line) => lines.push(line), maxLength);

  function deliverOne(): boolean {
    const line = lines[next];
    next += 1;
    if (line !== undefined) onLine(line);
    if (next < lines.length) return true;
    lines = [];
    next = 0;
    isScheduled = false;
    if (stream.isPaused()) stream.resume();
    if (isClosed) done.resolve();
    return false;
  }

  function scheduleDelivery(): void {
    if (isCut) lines = [];
    if (!isScheduled && lines.length > 0) {
      isScheduled = true;
      slices.schedule(deliverOne);
    }
    // Every time, since Node resumes the streams of a process that has exited.
    if (isScheduled) stream.pause();
  }

  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    splitter.push(chunk);
    scheduleDelivery();
  });
  stream.on("end", () => {
    splitter.end();
    scheduleDelivery();
  });
  stream.on("close", () => {
    isClosed = true;
    if (!isScheduled) done.resolve();
  });
  return {
    done: done.promise,
    cut() {
      isCut = true;
      lines = [];
    },
  };
}
