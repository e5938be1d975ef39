import type { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createOutlet, emptied } from "../../../tools/outlet.ts";
import { slowReader } from "../../support/slow-reader.ts";

/** So long that a test never waits for it. */
const NEVER_MS = 3_600_000;

/** A stream whose reader reads when the test says so. */
function unread() {
  const { stream, read, readOn, stops } = slowReader({ highWaterMark: 1 });
  return {
    stream,
    read,
    async reads(): Promise<void> {
      readOn();
      await emptied(stream, NEVER_MS);
    },
    stops,
  };
}

function outletTo(stream: Writable, maxWaiting: number) {
  const outlet = createOutlet(stream, (count) => outlet.write(`${count} dropped`), maxWaiting);
  return outlet;
}

describe("an outlet", () => {
  test("writes everything, in its order, where somebody reads", async () => {
    const { stream, read, reads } = unread();
    const outlet = outletTo(stream, 100);

    for (const text of ["1", "2", "3"]) outlet.write(text);
    await reads();

    expect(read.join("")).toBe("123");
  });

  test("drops what finds no room, and says how much as soon as there is some", async () => {
    const { stream, read, reads } = unread();
    const outlet = outletTo(stream, 20);

    for (const text of ["first line", "other line", "third line", "more of it"]) outlet.write(text);
    expect(stream.writableLength).toBe(20);
    await reads();
    outlet.write("last line");
    await reads();

    expect(read.filter((text) => text !== "")).toEqual(["first line", "other line", "2 dropped", "last line"]);
  });

  test("tells of each time anew", async () => {
    const { stream, read, reads, stops } = unread();
    const outlet = outletTo(stream, 20);

    for (let round = 0; round < 2; round += 1) {
      stops();
      for (let line = 0; line < 3 + round; line += 1) outlet.write("ten chars.");
      await reads();
    }

    expect(read.filter((text) => text.includes("dropped"))).toEqual(["1 dropped", "2 dropped"]);
  });

  test("keeps room for what is not minor", () => {
    const { stream } = unread();
    const outlet = outletTo(stream, 8);

    for (let line = 0; line < 10; line += 1) outlet.write("x", true);
    expect(stream.writableLength).toBe(4);
    outlet.write("!");

    expect(stream.writableLength).toBe(5);
  });

  test("tells what was lost also where nothing says that there is room again, as after a write that failed", () => {
    const written: string[] = [];
    const stream = { writableLength: 20, on() {}, write: (text: string) => written.push(text) };
    const outlet = outletTo(stream as unknown as Writable, 20);

    outlet.write("lost");
    stream.writableLength = 0;
    outlet.write("kept");

    expect(written).toEqual(["1 dropped", "kept"]);
  });
});

describe("what was written", () => {
  test("is waited for where somebody reads", async () => {
    const { stream, read, reads } = unread();

    stream.write("x");
    const out = emptied(stream, NEVER_MS);
    await reads();

    expect(await out).toBe(true);
    expect(read.join("")).toBe("x");
  });

  test("is given up where nobody does", async () => {
    const { stream } = unread();

    stream.write("x");

    expect(await emptied(stream, 1)).toBe(false);
  });
});
