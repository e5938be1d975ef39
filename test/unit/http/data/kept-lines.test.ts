import { describe, expect, test } from "vitest";
import { createKeptLines, type KeptLines, textOf } from "../../../../src/http/data/kept-lines.ts";
import type { LogRecord } from "../../../../src/logs/records.ts";

const OWNER = { transaction: "T1", task: "pump" };
const never = new AbortController().signal;
const any = () => true;

function record(line: string, about: Partial<LogRecord> = {}): LogRecord {
  const time = "2026-01-31T12:00:00.000Z";
  return { time, task: "pump", transaction: "T1", run: 1, stream: "stdout", line, ...about };
}

const GAP: LogRecord = { time: "2026-01-31T12:00:00.000Z", task: "pump", lost: 7, reason: "a full disk" };

/** Lines of these records, the oldest first. */
function linesOf(...records: LogRecord[]): KeptLines {
  async function* read(all: LogRecord[]) {
    yield* all;
  }
  return createKeptLines({
    lost: () => 0,
    oldestFirst: () => read(records),
    youngestFirst: () => read(records.toReversed()),
  });
}

describe("a search in the lines of a task", () => {
  test("finds those of its transaction that match, the oldest first", async () => {
    const lines = linesOf(
      ...[record("one"), record("two", { transaction: "T2" }), GAP, record("three"), record("onset", { task: "p" })],
    );

    expect(await lines.search(OWNER, (line) => line.includes("e"), never)).toEqual({
      lines: [expect.objectContaining({ line: "one" }), expect.objectContaining({ line: "three" })],
      isMore: false,
    });
  });

  test("answers the last ones where there are too many, and says so", async () => {
    const lines = linesOf(...Array.from({ length: 501 }, (_, index) => record(`${index}`)));

    const found = await lines.search(OWNER, any, never);

    expect(found?.lines).toHaveLength(500);
    expect(found?.lines.at(0)?.line).toBe("1");
    expect(found?.isMore).toBe(true);
  });

  test("answers nothing once nobody waits for it", async () => {
    expect(await linesOf(record("one")).search(OWNER, any, AbortSignal.abort())).toBeUndefined();
  });

  test("is refused while too many wait", async () => {
    const lines = linesOf(record("one"));

    const answers = await Promise.all(Array.from({ length: 9 }, () => lines.search(OWNER, any, never)));

    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    expect(await lines.search(OWNER, any, never)).toMatchObject({ isMore: false });
  });
});

describe("the lines of a task as text", () => {
  test("have their time, stream and fields, and say what is missing", async () => {
    const said = record("leak", { stream: "stderr", fields: { litres: 2 } });
    const pieces: string[] = [];
    for await (const piece of linesOf(record("one"), GAP, said).text(OWNER) ?? []) pieces.push(piece);

    expect(pieces.join("")).toBe(
      "2026-01-31T12:00:00.000Z | one\n" +
        "2026-01-31T12:00:00.000Z - 7 lines lost: a full disk\n" +
        '2026-01-31T12:00:00.000Z ! leak {"litres":2}\n',
    );
  });

  test("are read by a few at a time, and by further ones once those are done", async () => {
    const lines = linesOf(record("one"));
    const reading = Array.from({ length: 5 }, () => lines.text(OWNER));
    for (const text of reading) await text?.next();

    expect(reading.map((text) => text !== undefined)).toEqual([true, true, true, true, false]);
    for (const text of reading) await text?.return(undefined);
    expect(lines.text(OWNER)).toBeDefined();
  });

  test("stay one line each", () => {
    expect(textOf(record("one")).match(/\n/g)).toHaveLength(1);
  });
});
