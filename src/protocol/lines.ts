// Splits a stream of text into lines of a bounded length. Pure.
/** The longest line kept whole, in characters; a longer one is cut into pieces of this size. */
export const MAX_LINE_LENGTH = 64 * 1024;

/** Puts chunks of text together again into whole lines. */
export interface LineSplitter {
  /** Takes the next chunk and passes on the lines that it completes, without their ends. */
  push(chunk: string): void;
  /** Passes on what is left without a line end. */
  end(): void;
}

/** Splits text into lines at most `maxLength` long. */
export function createLineSplitter(onLine: (line: string) => void, maxLength = MAX_LINE_LENGTH): LineSplitter {
  let rest = "";

  function flush(line: string): void {
    for (let from = 0; from === 0 || from < line.length; from += maxLength) onLine(line.slice(from, from + maxLength));
  }

  return {
    push(chunk) {
      // A long line comes in many chunks: what was searched already is not searched again.
      if (!chunk.includes("\n") && rest.length + chunk.length <= maxLength) {
        rest += chunk;
        return;
      }
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) flush(line);
      // The carriage return may be half of a line end.
      if (rest.length - (rest.endsWith("\r") ? 1 : 0) > maxLength) {
        flush(rest.slice(0, maxLength));
        rest = rest.slice(maxLength);
      }
    },
    end() {
      if (rest !== "") flush(rest);
      rest = "";
    },
  };
}
