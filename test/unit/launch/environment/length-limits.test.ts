import { expect, test } from "vitest";
import { tooLong } from "../../../../src/launch/environment/length-limits.ts";

const E2BIG = Object.assign(new Error("spawn E2BIG"), { code: "E2BIG" });
const LIMITS = "Max stack size             8388608              unlimited            bytes     \n";

function explained(words: string[], environment: Record<string, string>, limits = LIMITS): string | undefined {
  return tooLong(E2BIG, { words, environment }, limits)?.message;
}

test("the parts that the system does not take are named, in bytes", () => {
  const environment = { SHORT: "x", constructor: "é".repeat(70_000) };

  expect(explained(["/bin/sh", `-c ${"y".repeat(131_070)}`], environment)).toBe(
    `the variable constructor has 140012 bytes, the argument "-c ${"y".repeat(56)}…" has 131073 bytes; the system takes at most 131071 bytes of each`,
  );
});

test("where all together are too long, the longest are named, and the limit", () => {
  const variables = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`V${index}`, "x".repeat(120_000)]));

  expect(explained(["/bin/true"], { ...variables, LONGEST: "x".repeat(130_000) })).toBe(
    "all arguments and variables have 2530285 bytes together, and the system takes at most 2097152 (a quarter of the stack, ulimit -s); the longest: the variable LONGEST has 130008 bytes, the variable V10 has 120004 bytes, the variable V11 has 120004 bytes",
  );
});

test.each([
  ["unlimited", "at most 6291456"],
  ["65536", "at most 131072"],
  ["100000000", "at most 6291456"],
])("a stack of %s allows for %s bytes", (stack, limit) => {
  expect(explained(["/bin/true"], {}, `Max stack size ${stack} unlimited bytes\n`)).toContain(limit);
});

test("an unknown limit is not named, and another error is not explained", () => {
  expect(explained(["/bin/true"], {}, "")).toBe(
    'all arguments and variables have 18 bytes together; the longest: the argument "/bin/true" has 9 bytes',
  );
  expect(tooLong(new Error("no"), { words: [], environment: {} })).toBeUndefined();
});
