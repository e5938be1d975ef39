import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAuxv, parseBootTime, parseResidentBytes, parseStat, parseUptime } from "../../../src/monitor/proc.ts";

const units = { pageBytes: 4096, ticksPerSecond: 100 };

function statText({ name = "node", state = "S" }): string {
  const numbers =
    "4300 4312 4312 0 -1 4194304 900 77 0 0 250 50 9 8 20 0 11 0 90014 1048576 405 18446744073709551615 1";
  return `4312 (${name}) ${state} ${numbers}\n`;
}

const reading = {
  pid: 4312,
  ppid: 4300,
  status: "sleeping",
  threads: 11,
  cpuMs: 3_000,
  userMs: 2_500,
  systemMs: 500,
  startMs: 900_140,
  vmsBytes: 1_048_576,
  rssBytes: 405 * 4096,
};

test("resident memory is the second number of statm, in pages", () => {
  const units = { pageBytes: 4_096, ticksPerSecond: 100 };

  expect(parseResidentBytes("405 256 210 20 0 90 0\n", units)).toBe(2 ** 20);
  expect(parseResidentBytes("", units)).toBeUndefined();
});

test("a stat line gives pages in bytes and ticks in milliseconds", () => {
  expect(parseStat(statText({}), units)).toEqual(reading);
  expect(parseStat(statText({}), { pageBytes: 16_384, ticksPerSecond: 1_000 })).toEqual({
    ...reading,
    cpuMs: 300,
    userMs: 250,
    systemMs: 50,
    startMs: 90_014,
    rssBytes: 405 * 16_384,
  });
});

test.each([
  ["closes the bracket", "a) R 1 ("],
  ["is a whole line of its own", "a) Z 1 1 1 0 -1 0 0 0 0 0 9 9 9 9 20 0 1 0 1 1 1"],
  ["has blanks", "Web Content"],
  ["has a newline", "one\ntwo) R 2"],
  ["is empty", ""],
])("a command name that %s changes nothing", (_, name) => {
  expect(parseStat(statText({ name }), units)).toEqual(reading);
});

test("no command name changes what is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (name) => {
      expect(parseStat(statText({ name }), units)).toEqual(reading);
    }),
  );
});

test("a state letter becomes the word of the wire", () => {
  const words = [..."RSDTtZXxKWIP?"].map((state) => parseStat(statText({ state }), units)?.status);

  expect(words).toEqual([
    "running",
    "sleeping",
    "disk-sleep",
    "stopped",
    "tracing-stop",
    "zombie",
    "dead",
    "dead",
    "wake-kill",
    "waking",
    "idle",
    "parked",
    "unknown",
  ]);
});

test("a text cut short is no reading", () => {
  const whole = statText({}).split(" ").slice(0, 24).join(" ");

  expect(parseStat(whole, units)).toEqual(reading);
  expect(parseStat(whole.slice(0, whole.lastIndexOf(" ")), units)).toBeUndefined();
  expect(parseStat("4312 (node", units)).toBeUndefined();
  expect(parseStat("", units)).toBeUndefined();
});

test("page size and clock tick are found among the entries of auxv", () => {
  const auxv = Buffer.from(BigUint64Array.of(33n, 7n, 6n, 65_536n, 17n, 250n, 0n, 0n).buffer);

  expect(parseAuxv(auxv)).toEqual({ pageBytes: 65_536, ticksPerSecond: 250 });
});

test("an auxv without them, or none, leaves the usual 4096 and 100", () => {
  expect(parseAuxv(Buffer.from("not an auxiliary vector"))).toEqual(units);
  expect(parseAuxv(new Uint8Array())).toEqual(units);
});

test("the boot time is the btime line", () => {
  expect(parseBootTime("cpu  1 2 3\nctxt 990\nbtime 1480000000\nprocesses 12\n")).toBe(1_480_000_000);
  expect(parseBootTime("cpu  1 2 3\n")).toBeUndefined();
});

test("the uptime is the first number", () => {
  expect(parseUptime("12345.67 98765.43\n")).toBe(12_345_670);
  expect(parseUptime("soon")).toBeUndefined();
});
