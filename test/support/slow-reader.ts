import { Writable } from "node:stream";

export interface SlowReader {
  /** What is to be read is written here. */
  readonly stream: Writable;
  /** The texts that have been read. */
  readonly read: readonly string[];
  /** Reads what waits, and all that comes from now on. */
  readOn(): void;
  /** Reads nothing from now on. */
  stops(): void;
}

/** A stream whose reader reads when the test says so. */
export function slowReader({ highWaterMark }: { highWaterMark: number }): SlowReader {
  const read: string[] = [];
  const waiting: (() => void)[] = [];
  let isReading = false;
  const stream = new Writable({
    decodeStrings: false,
    highWaterMark,
    write(text, _, done) {
      const take = () => {
        read.push(text);
        done();
      };
      if (isReading) take();
      else waiting.push(take);
    },
  });
  return {
    stream,
    read,
    readOn() {
      isReading = true;
      waiting.shift()?.();
    },
    stops() {
      isReading = false;
    },
  };
}
