import { once } from "node:events";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLines, readPrintedLines } from "../../../../src/launch/output/line-reader.ts";
import { createTimeSlices } from "../../../../src/launch/output/time-slices.ts";
import type { PrintedLine } from "../../../../src/protocol/printed-lines.ts";

/** Reads a stream, so many lines a slice; a slice begins when the test says so. */
function reading({ linesAtATime = 1 } = {}) {
  const stream = new PassThrough();
  const lines: string[] = [];
  const next: (() => void)[] = [];
  const slices = createTimeSlices({ sliceMs: 0, later: (call) => next.push(call) });
  const reader = readLines(stream, { maxLength: 5_000, slices, linesAtATime, onLine: (line) => lines.push(line) });
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

  test("are handed on several at a time where they are short", async () => {
    const { stream, lines, goOn } = reading({ linesAtATime: 3 });
    const long = "x".repeat(2_000);

    stream.write(`1\n2\n3\n4\n${long}\n5\n`);
    await brought();
    expect(lines).toEqual(["1", "2", "3"]);
    goOn();
    expect(lines).toEqual(["1", "2", "3", "4", long]);
    goOn();

    expect(lines.at(-1)).toBe("5");
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

  test("that have been read are all handed on when it is closed, also one without an end, and no others", async () => {
    const { stream, lines, reader, goOn } = reading();

    stream.write("1\n2\n3");
    await brought();
    const closed = reader.close();
    stream.write("4\n");
    for (let slice = 0; slice < 3; slice += 1) goOn();
    await closed;

    expect(lines.join("")).toBe("123");
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

describe("a stream that stays open", () => {
  test("is caught up with once all is handed on that was written before", async () => {
    const { stream, lines, reader, goOn } = reading();
    let isCaughtUp = false;

    stream.write("1\n2\n3\n");
    const caughtUp = reader.caughtUp().then(() => {
      isCaughtUp = true;
    });
    await brought();
    await brought();
    expect([lines.join(""), isCaughtUp]).toEqual(["1", false]);
    for (let slice = 0; slice < 3; slice += 1) goOn();
    await caughtUp;

    expect(lines.join("")).toBe("123");
  });

  test("is caught up with also where it brings more without end", async () => {
    const stream = new PassThrough();
    const slices = createTimeSlices();
    const reader = readLines(stream, { maxLength: 100_000, slices, onLine: write });
    function write(): void {
      stream.write(`${"x".repeat(50_000)}\n`);
    }

    write();
    await reader.caughtUp();
    stream.destroy();

    expect(stream.destroyed).toBe(true);
  });

  test("is silent once nothing has come for so long, not while lines are handed on", async () => {
    const { stream, lines, reader, goOn } = reading();

    stream.write("1\n2\n");
    await brought();
    const silent = reader.silent(0).then(() => lines.push("silent"));
    for (let looks = 0; looks < 5; looks += 1) await brought();
    expect(lines).toEqual(["1"]);
    goOn();
    goOn();
    await silent;

    expect(lines).toEqual(["1", "2", "silent"]);
  });
});

describe("what a program prints", () => {
  test("is handed on also without a line end, once nothing more comes", async () => {
    const stream = new PassThrough();
    const prompt = new Promise((resolve) => {
      readPrintedLines(stream, { slices: createTimeSlices(), onLine: resolve });
    });

    stream.write("\u001b[1mReady. Press h for help: ");

    expect(await prompt).toEqual({
      line: "\u001b[1mReady. Press h for help: ",
      whole: "Ready. Press h for help: ",
      isPart: true,
    });
  });

  test("is handed on also where more comes without end, but no line end", async () => {
    const stream = new PassThrough();
    let percent = 0;
    const writing = setInterval(() => {
      percent += 1;
      stream.write(`\r${percent}%`);
    }, 20);
    const state = await new Promise<PrintedLine>((resolve) => {
      readPrintedLines(stream, { slices: createTimeSlices(), onLine: resolve });
    });
    clearInterval(writing);

    expect(state.whole).toMatch(/^\d+%$/);
  });
});
