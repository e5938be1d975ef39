import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBacklog, unwritten } from "../../../src/logs/backlog.ts";

const line = (text: string) => Buffer.from(`${text}\n`);
const texts = (lines: readonly Buffer[]) => lines.map((each) => each.toString().trimEnd());

function backlogOf(mostBytes: number, mostTotalBytes = 1_000) {
  return createBacklog({
    mostBytes,
    mostTotalBytes,
    why: () => "full",
    gap: (channel, lost) => line(`${channel} lost ${lost}`),
  });
}

describe("lines that wait to be written", () => {
  test("are taken in their order, as many as fit, and at least one", () => {
    const backlog = backlogOf(100);
    for (const text of ["one", "two", "three"]) backlog.push("a", line(text));

    expect(texts(backlog.take("a", 8))).toEqual(["one", "two"]);
    expect(texts(backlog.take("a", 1))).toEqual(["three"]);
    expect(backlog.take("a", 1)).toEqual([]);
    expect(backlog.channels()).toEqual([]);
  });

  test("of one file take no room of another's", () => {
    const backlog = backlogOf(10);
    for (let count = 0; count < 100; count += 1) backlog.push("flood", line("much"));
    backlog.push("quiet", line("little"));

    expect(texts(backlog.take("quiet", 100))).toEqual(["little"]);
    expect(backlog.lost).toBe(98);
  });

  test("are within the bound of all files together", () => {
    const backlog = backlogOf(100, 12);
    for (const channel of ["a", "b", "c"]) backlog.push(channel, line("12345"));

    expect(backlog.bytes).toBe(12);
    expect(backlog.lost).toBe(1);
  });

  test("leave a gap where some are missing, whether more follow or not", () => {
    const backlog = backlogOf(8);
    for (const text of ["one", "two", "lost", "lost"]) backlog.push("a", line(text));

    expect(texts(backlog.take("a", 4))).toEqual(["one"]);
    backlog.push("a", line("six"));
    expect(texts(backlog.take("a", 100))).toEqual(["two", "a lost 2", "six"]);

    for (const text of ["one", "two", "lost"]) backlog.push("a", line(text));
    expect(texts(backlog.take("a", 100))).toEqual(["one", "two"]);
    expect(texts(backlog.take("a", 100))).toEqual(["a lost 1"]);
  });

  test("are before the others again when they are put back", () => {
    const backlog = backlogOf(100);
    for (const text of ["one", "two", "three"]) backlog.push("a", line(text));

    backlog.putBack("a", backlog.take("a", 8));

    expect(texts(backlog.take("a", 100))).toEqual(["one", "two", "three"]);
  });

  test("are each taken once or counted as lost, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant("take"), fc.constant("fail"), fc.string({ maxLength: 8 }))),
        (steps) => {
          const backlog = createBacklog({
            mostBytes: 20,
            mostTotalBytes: 40,
            why: () => "full",
            gap: (_, lost) => line(`lost ${lost}`),
          });
          const taken: string[] = [];
          let pushed = 0;
          for (const step of [...steps, "take", "take"]) {
            if (step === "take") taken.push(...texts(backlog.take("a", 1_000)));
            else if (step === "fail") backlog.putBack("a", backlog.take("a", 10));
            else {
              backlog.push("a", line("x"));
              pushed += 1;
            }
          }

          const told = taken.map((text) => Number(/^lost (\d+)$/.exec(text)?.[1] ?? 0));
          const lost = told.reduce((sum, count) => sum + count, 0);
          expect(taken.filter((text) => text === "x").length + lost).toBe(pushed);
          expect(backlog.lost).toBe(lost);
          expect(backlog.bytes).toBe(0);
        },
      ),
    );
  });
});

test("a line that was cut off is written again as a whole", () => {
  const lines = ["one", "two", "three"].map(line);

  expect(texts(unwritten(lines, 0))).toEqual(["one", "two", "three"]);
  expect(texts(unwritten(lines, 4))).toEqual(["two", "three"]);
  expect(texts(unwritten(lines, 7))).toEqual(["two", "three"]);
  expect(texts(unwritten(lines, 14))).toEqual([]);
});
