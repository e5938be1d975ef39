import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createTaskOutput } from "../../../src/tasks/task-output.ts";
import { slowReader } from "../../support/slow-reader.ts";

/** So long that a test never waits for it. */
const NEVER_MS = 3_600_000;

const NEVER_STOPPED = new AbortController().signal;

/** An output with room for so many characters, and its reader. */
function printing({ maxWaiting, signal = NEVER_STOPPED }: { maxWaiting: number; signal?: AbortSignal }) {
  const { stream: stdout, read, readOn } = slowReader({ highWaterMark: 4 });
  const stderr = new Writable({ write: (_, __, done) => done() });
  return {
    output: createTaskOutput({ stdout, stderr }, signal, maxWaiting),
    lines: () => read.join("").split("\n").slice(0, -1),
    readOn,
  };
}

/** Whether something has happened by now, as far as nothing else has to. */
async function hasHappened(what: Promise<unknown>): Promise<boolean> {
  return Promise.race([what.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);
}

describe("a task that prints", () => {
  test("little goes on at once", async () => {
    const { output } = printing({ maxWaiting: 100 });

    output.print("stdout", "a");

    expect(await hasHappened(output.caughtUp())).toBe(true);
  });

  test("faster than it is read is held back until it is read, and nothing is lost", async () => {
    const { output, lines, readOn } = printing({ maxWaiting: 100 });

    for (const line of ["one", "two", "three"]) output.print("stdout", line);
    const caughtUp = output.caughtUp();
    expect(await hasHappened(caughtUp)).toBe(false);
    readOn();
    await caughtUp;

    expect(lines()).toEqual(["one", "two", "three"]);
  });

  test("is not held back any more when it is to stop", async () => {
    const stop = new AbortController();
    const { output } = printing({ maxWaiting: 100, signal: stop.signal });
    output.print("stdout", "more than a little");

    const caughtUp = output.caughtUp();
    expect(await hasHappened(caughtUp)).toBe(false);
    stop.abort();

    await caughtUp;
    await output.caughtUp();
  });

  test("without ever waiting loses what finds no room, and how much is printed", async () => {
    const { output, lines, readOn } = printing({ maxWaiting: 12 });

    for (const line of ["one", "two", "three", "four", "five"]) output.print("stdout", line);
    readOn();
    await output.emptied(NEVER_MS);
    output.print("stdout", "six");
    await output.emptied(NEVER_MS);

    expect(lines()).toEqual([
      ...["one", "two"],
      "zcontext: 3 lines dropped, printed faster than they can be read",
      "six",
    ]);
  });

  test("and ends is waited for as long as some of it is read", async () => {
    const { stream: stdout, read, readOn } = slowReader({ highWaterMark: 4 });
    const stderr = new Writable({ write: (_, __, done) => done() });
    let unread = 10;
    // Of a large write, only the handle tells how much is out.
    const handle = {
      get writeQueueSize() {
        unread -= 1;
        if (unread === 0) readOn();
        return unread;
      },
    };
    const output = createTaskOutput({ stdout: Object.assign(stdout, { _handle: handle }), stderr }, NEVER_STOPPED);
    output.print("stdout", "one");

    await output.emptied(1);

    expect(read.join("")).toBe("one\n");
  });

  test("and ends is waited for, though not for ever", async () => {
    const { output, lines } = printing({ maxWaiting: 100 });
    output.print("stdout", "one");

    await output.emptied(1);

    expect(lines()).toEqual([]);
  });
});
