import fc from "fast-check";
import { expect, test } from "vitest";
import { isLiving, parseProcessStat } from "../../../src/processes/stat.ts";

function statText({ name = "node", state = "S", threads = 11 } = {}): string {
  return `4312 (${name}) ${state} 4300 4311 4310 0 -1 4194304 900 77 0 0 250 50 9 8 20 0 ${threads} 0 90014 1048576 405 1\n`;
}

const stat = { pid: 4312, ppid: 4300, group: 4311, session: 4310, state: "S", startTicks: 90_014, name: "node" };

test("a stat line tells the process, its parent, its group and its session", () => {
  expect(parseProcessStat(statText())).toEqual(stat);
});

test("no name that a process gives itself changes what is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (name) => {
      expect(parseProcessStat(statText({ name }))).toEqual({ ...stat, name });
    }),
  );
  expect(parseProcessStat(statText({ name: "a) Z 1 1 1 (" }))).toEqual({ ...stat, name: "a) Z 1 1 1 (" });
});

test.each([
  ["outside ASCII is read as UTF-8", Buffer.from("データ"), "データ"],
  [
    "that the kernel has cut within a character ends before it",
    Buffer.from("データデータ").subarray(0, 14),
    "データデ",
  ],
  ["that is no UTF-8 has a sign for each byte that can't be read", Buffer.from([0xff, 0xfe, 0x41]), "\ufffd\ufffdA"],
])("a name %s", (_, bytes, name) => {
  expect(parseProcessStat(statText({ name: bytes.toString("latin1") }))).toEqual({ ...stat, name });
});

test("a text cut short anywhere before the end of the start time is none", () => {
  const text = statText();
  const enough = text.indexOf(" 90014 ") + " 90014 ".length;

  for (let length = 0; length < enough; length += 1) expect(parseProcessStat(text.slice(0, length))).toBeUndefined();
  expect(parseProcessStat(text.slice(0, enough))).toEqual(stat);
});

test("a text that is something else is none", () => {
  for (const text of ["", ")", "ENOENT", statText().replace("4300", "-"), statText({ state: "sleeping" })]) {
    expect(parseProcessStat(text)).toBeUndefined();
  }
});

test("a process lives in every state but that of the dead", () => {
  const living = [..."RSDTtIZXx"].filter((state) => isLiving({ state }));

  expect(living.join("")).toBe("RSDTtI");
});

test("a process whose first thread has ended lives for as long as another runs", () => {
  const withOthers = parseProcessStat(statText({ state: "Z", threads: 2 }));
  const alone = parseProcessStat(statText({ state: "Z", threads: 1 }));

  expect([withOthers, alone].map((entry) => entry && isLiving(entry))).toEqual([true, false]);
});
