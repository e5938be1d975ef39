import { once } from "node:events";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLines } from "../../../src/launch/line-reader.ts";
import { createTimeSlices } from "../../../src/launch/time-slices.ts";

/** Reads a stream, one line a slice; a slice begins when the test says so. */
function reading() {
  const stream = new PassThrough();
  const lines: string[] = [];
  const next: (() => void)[] = [];
  const slices = createTimeSlices({ sliceMs: 0, later: (call) => next.push(call) });
  const reader = readLines(stream, { maxLength: 1_000, slices, onLine: (line) => lines.push(line) });
  return { stream, lines, reader, goOn: () => next.shift()?.() };
}

/** Has the stream bring what was written to it. */
const brought = () => new Promise((resolve) => setImmediate(resolve));

describe("the lines of a stream", () => {
  test("are handed on a few at a time, and the stream rests meanwhile", async () => {
    const { stream, lines, goOn } = reading();

    stream.write("1\n2\n3\n");
    await brought();
    expect([lines.join(""), stream.isPaused()]).toEqual(["1", true]);
    goOn();
    expect([lines.join(""), stream.isPaused()]).toEqual(["12", true]);
    goOn();

    expect([lines.join(""), stream.isPaused()]).toEqual(["123", false]);
  });

  test("push back on the process that writes them", async () => {
    const { stream, lines } = reading();

    stream.write("1\n2\n");
    await brought();
    while (stream.write("again and again\n"));
    await brought();

    expect(lines).toEqual(["1"]);
    expect(stream.writableNeedDrain).toBe(true);
  });

  test("come in their order also where others have the stream go on", async () => {
    const { stream, lines, goOn } = reading();

    stream.write("1\n2\n");
    await brought();
    stream.write("3\n");
    stream.resume();
    await brought();
    expect([lines.join(""), stream.isPaused()]).toEqual(["1", true]);
    for (let slice = 0; slice < 3; slice += 1) goOn();

    expect(lines.join("")).toBe("123");
  });

  test("have all been handed on when it is done, which is not before", async () => {
    const { stream, lines, reader, goOn } = reading();
    let isDone = false;
    reader.done.then(() => {
      isDone = true;
    });

    stream.end("1\n2\n3");
    await once(stream, "close");
    await brought();
    expect([lines.join(""), isDone]).toEqual(["1", false]);
    for (let slice = 0; slice < 3; slice += 1) goOn();
    await reader.done;

    expect(lines.join("")).toBe("123");
  });

  test("are not handed on any more once it is cut", async () => {
    const { stream, lines, reader, goOn } = reading();

    stream.write("1\n2\n");
    await brought();
    reader.cut();
    goOn();
    stream.end("3\n");
    await reader.done;

    expect(lines).toEqual(["1"]);
  });

  test("are the same, however they come and however long a slice is", async () => {
    const chunks = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 12 }), { maxLength: 12 });

    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 0, max: 4 }), async (chunks, sliceMs) => {
        const stream = new PassThrough();
        const lines: string[] = [];
        let nowMs = 0;
        const slices = createTimeSlices({ sliceMs, nowMs: () => nowMs++ });
        const reader = readLines(stream, { maxLength: 1_000, slices, onLine: (line) => lines.push(line) });

        for (const chunk of chunks) stream.write(chunk);
        stream.end();
        await reader.done;

        const expected = chunks.join("").split("\n");
        expect(lines).toEqual(expected.at(-1) === "" ? expected.slice(0, -1) : expected);
      }),
    );
  });
});
