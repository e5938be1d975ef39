// What we write, held against the original's own writer: one Python process for all of it.
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeFrame } from "../../src/protocol/codec.ts";
import { formatJson, type Json } from "../../src/protocol/json.ts";
import { anyJson } from "../unit/protocol/json-values.ts";

const PROGRAM = `
import json, sys
for line in sys.stdin:
    value = json.loads(line)
    print(json.dumps([json.dumps(value, sort_keys=True, indent=4), json.dumps(value)]))
`;

/** How Python writes what each text of JSON says: indented and sorted, and on one line. */
function python(texts: readonly string[]): { indented: string; line: string }[] {
  const { stdout, stderr, status } = spawnSync("python3", ["-c", PROGRAM], {
    input: texts.map((text) => `${text}\n`).join(""),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`python3 is needed for this test: ${stderr || "not found"}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((answer) => JSON.parse(answer))
    .map(([indented, line]) => ({ indented, line }));
}

// Numbers that the two write differently; docs/protocol.md says so.
const NUMBERS = [
  { what: "a float without a fraction", text: "1.0", theirs: "1.0", ours: "1" },
  { what: "such a float in a list", text: "[2.0]", theirs: "[2.0]", ours: "[2]" },
  { what: "minus zero", text: "-0.0", theirs: "-0.0", ours: "0" },
  { what: "a float below 0.0001", text: "0.00001", theirs: "1e-05", ours: "0.00001" },
  { what: "one with an exponent of one digit", text: "1e-7", theirs: "1e-07", ours: "1e-7" },
  { what: "a float of 1e16 and more", text: "1e16", theirs: "1e+16", ours: "10000000000000000" },
  {
    what: "an integer beyond 2 to the 53rd",
    text: "9007199254740993",
    theirs: "9007199254740993",
    ours: "9007199254740992",
  },
  { what: "an integer of 22 digits", text: "1000000000000000000000", theirs: "1000000000000000000000", ours: "1e+21" },
];

// And some they write alike, to show where the difference begins.
const ALIKE = [
  "0",
  "-1",
  "0.1",
  "0.0001",
  "0.00012345",
  "123456.789",
  "-1.5e-3",
  "9007199254740991",
  "1e+21",
  "1.5e+300",
  "5e-324",
];

const seed = fc.sample(fc.integer(), 1)[0] as number;
const values = fc.sample(anyJson, { numRuns: 3_000, seed });
let answers: ReturnType<typeof python>;

beforeAll(() => {
  answers = python([...values.map((value) => JSON.stringify(value)), ...NUMBERS.map(({ text }) => text), ...ALIKE]);
});

describe("what we write is byte for byte what Python writes,", () => {
  test.each(["indented", "line"] as const)("%s", (style) => {
    const different = values.filter((value, index) => formatJson(value, style) !== answers[index]?.[style]);

    expect(different.slice(0, 3), `of fc.sample with seed ${seed}`).toEqual([]);
  });

  test("in a whole frame, as long as the separator does not occur in it", () => {
    const plain = (text = "") => !text.includes("@@@");
    const different = values.filter((body, index) => {
      const { indented, line } = answers[index] ?? { indented: "", line: "" };
      return (
        plain(indented) &&
        (encodeFrame({ topic: "control", body }).toString("latin1") !== `control @@@ ${indented}` ||
          encodeFrame({ topic: "monitor", body }).toString("latin1") !== `monitor @@@ ${line}`)
      );
    });

    expect(different.slice(0, 3), `of fc.sample with seed ${seed}`).toEqual([]);
  });
});

describe("numbers", () => {
  test.each(NUMBERS.map((row, index) => ({ ...row, index: values.length + index })))(
    "differ for $what: Python has $theirs, we have $ours",
    ({ text, theirs, ours, index }) => {
      expect(answers[index]?.line).toBe(theirs);
      expect(formatJson(JSON.parse(text) as Json, "line")).toBe(ours);
    },
  );

  test.each(ALIKE.map((text, index) => [text, values.length + NUMBERS.length + index] as const))(
    "are alike: %s",
    (text, index) => {
      expect(formatJson(JSON.parse(text) as Json, "line")).toBe(answers[index]?.line);
    },
  );
});
