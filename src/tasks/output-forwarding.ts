// Hands on what threads print, line by line, by a pipe that they share with their heartbeats. The pipe would keep any
// number of lines, and each heartbeat behind them: so it gets no more than it takes, and a thread is held back by its own
// stream, which is paused meanwhile.
import type { Readable, Writable } from "node:stream";
import { deferred } from "../deferred.ts";
import { createPartTimer } from "../part-timer.ts";
import { MAX_LINE_LENGTH } from "../protocol/lines.ts";
import { createPrintedLines, type PrintedLine } from "../protocol/printed-lines.ts";

/** What a thread prints on one of its streams. */
export interface ForwardedOutput {
  /** Adds a text as if the thread had printed it. */
  push(text: string): void;
  /** Resolves when the stream has ended, and the pipe has taken every line of it. */
  readonly ended: Promise<void>;
}

/** @returns Forwards one stream; `onLine` writes a line to the pipe. */
export function createOutputForwarding(
  pipe: Writable,
): (output: Readable, onLine: (printed: PrintedLine) => void) => ForwardedOutput {
  /** What waits for the pipe to take more. */
  const held = new Set<() => void>();
  const release = () => {
    const flushes = [...held];
    held.clear();
    for (const flush of flushes) flush();
  };
  pipe.on("drain", release);
  pipe.on("close", release);

  return (output, onLine) => {
    let waiting: PrintedLine[] = [];
    let hasEnded = false;
    const ended = deferred();
    const lines = createPrintedLines((printed) => waiting.push(printed), MAX_LINE_LENGTH);
    const parts = createPartTimer({
      lines: {
        get hasPart() {
          return lines.hasPart;
        },
        passPart() {
          lines.passPart();
          flush();
        },
      },
      isHeld: () => output.isPaused(),
    });

    function push(text: string): void {
      lines.push(text);
      flush();
    }

    function flush(): void {
      let next = 0;
      for (; next < waiting.length && !pipe.writableNeedDrain; next += 1) onLine(waiting[next] as PrintedLine);
      if (next > 0) waiting = waiting.slice(next);
      if (pipe.writableNeedDrain) {
        output.pause();
        held.add(flush);
      } else if (output.isPaused()) output.resume();
      if (hasEnded && waiting.length === 0) ended.resolve();
    }

    output.setEncoding("utf8").on("end", () => {
      lines.end();
      hasEnded = true;
      flush();
    });
    output.on("data", (chunk: string) => {
      push(chunk);
      parts.arrived();
    });
    return { push, ended: ended.promise };
  };
}
