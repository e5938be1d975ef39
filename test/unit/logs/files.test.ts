import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  activeName,
  channelOf,
  type LogFile,
  logFilesOf,
  numbersOf,
  rotatedName,
  surplusOf,
} from "../../../src/logs/files.ts";

function file(name: string, { bytes = 1, changedMs = 0 } = {}): LogFile {
  return { name, bytes, changedMs, identity: name };
}

describe("the files of a task", () => {
  test("bear its id, where a file may be called so", () => {
    expect(activeName(channelOf("ts_100.1"))).toBe("ts_100.1.log");
    expect(channelOf("a/b")).toBe("a%2fb");
    expect(channelOf("..")).toBe("%2e.");
    expect(channelOf("ü")).toBe("%c3%bc");
    expect(channelOf("x".repeat(500)).length).toBeLessThan(120);
  });

  test("are of two tasks where the ids are two", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
        // A lone surrogate has no bytes of its own.
        fc.pre(Buffer.from(one).toString() !== Buffer.from(other).toString() && one !== "" && other !== "");
        expect(channelOf(one)).not.toBe(channelOf(other));
        expect(activeName(channelOf(one))).toMatch(/^[\w%-][\w.%-]*\.log$/);
      }),
    );
  });

  test("are in the order in which they were written, by number and not by text", () => {
    const names = ["a.log", "a.log.10", "a.log.9", "b.log", "notes.txt", "a.log.x", ".log"];
    const found = logFilesOf(names.map((name) => file(name)));

    expect(found.map(({ channel, files }) => [channel, files.map(({ name }) => name)])).toEqual([
      ["a", ["a.log.9", "a.log.10", "a.log"]],
      ["b", ["b.log"]],
    ]);
    expect(numbersOf("a", names)).toEqual([9, 10]);
    expect(rotatedName("a", 11)).toBe("a.log.11");
  });

  test("of a task that is called as a file is are not taken for another's", () => {
    const found = logFilesOf([file("a.log.1.log"), file("a.log.1")]);

    expect(found.map(({ channel }) => channel)).toEqual(["a.log.1", "a"]);
  });
});

describe("what is removed", () => {
  test("was written to longest ago, whichever task it is of", () => {
    const files = [
      file("old.log", { bytes: 40, changedMs: 1 }),
      file("a.log.1", { bytes: 40, changedMs: 2 }),
      file("a.log", { bytes: 40, changedMs: 3 }),
    ];

    expect(surplusOf(files, 120)).toEqual([]);
    expect(surplusOf(files, 100).map(({ name }) => name)).toEqual(["old.log"]);
    expect(surplusOf(files, 79).map(({ name }) => name)).toEqual(["a.log.1", "old.log"]);
  });

  test("is never the file that was written to last", () => {
    expect(surplusOf([file("a.log", { bytes: 1_000 })], 10)).toEqual([]);
  });
});
