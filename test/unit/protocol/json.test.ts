import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatJson, isObject, type JsonStyle } from "../../../src/protocol/json.ts";
import { anyJson } from "./json-values.ts";

const STYLES: JsonStyle[] = ["indented", "line"];

describe("indented", () => {
  test("sorts the keys on every level and puts four spaces before each", () => {
    expect(formatJson({ b: [1, { d: 2, c: 3 }], a: "x" }, "indented")).toBe(
      '{\n    "a": "x",\n    "b": [\n        1,\n        {\n            "c": 3,\n            "d": 2\n        }\n    ]\n}',
    );
  });

  test("keeps what is empty on one line", () => {
    expect(formatJson({ a: [], b: {}, c: [[]] }, "indented")).toBe(
      '{\n    "a": [],\n    "b": {},\n    "c": [\n        []\n    ]\n}',
    );
    expect(formatJson([], "indented")).toBe("[]");
    expect(formatJson({}, "indented")).toBe("{}");
  });

  test("sorts keys by code point, so an emoji comes after U+FFFF", () => {
    expect(Object.keys(JSON.parse(formatJson({ "\u{1f600}": 1, "\uffff": 2, a: 3 }, "indented")))).toEqual([
      "a",
      "\uffff",
      "\u{1f600}",
    ]);
  });

  test("sorts a key before the longer ones that begin with it, and the empty one first", () => {
    expect(formatJson({ ab: 1, a: 2, "": 3 }, "indented")).toBe('{\n    "": 3,\n    "a": 2,\n    "ab": 1\n}');
  });
});

describe("on one line", () => {
  test("leaves the keys as they come, with a space after comma and colon", () => {
    expect(formatJson({ b: [1, { d: 2, c: 3 }], a: "x" }, "line")).toBe('{"b": [1, {"d": 2, "c": 3}], "a": "x"}');
  });

  test("never breaks the line", () => {
    fc.assert(fc.property(anyJson, (value) => !formatJson(value, "line").includes("\n")));
  });
});

describe.each(STYLES)("both styles: %s", (style) => {
  test("is pure ASCII, with lower-case escapes, a pair for what lies beyond the first plane", () => {
    expect(formatJson("é\u007f\u0080\ufeff😀", style)).toBe('"\\u00e9\\u007f\\u0080\\ufeff\\ud83d\\ude00"');
    expect(formatJson({ é: 1 }, style)).toContain('"\\u00e9": 1');
  });

  test("escapes what JSON must, in the short form where there is one", () => {
    expect(formatJson('"\\/\b\f\n\r\t\u0000\u001f', style)).toBe('"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f"');
  });

  test("writes a date as its text, as JSON.stringify does", () => {
    const at = new Date(0);

    expect(JSON.parse(formatJson({ at, list: [at] } as never, style))).toEqual(
      JSON.parse(JSON.stringify({ at, list: [at] })),
    );
  });

  const says = (value: unknown) => ({ toJSON: () => value });
  test.each([
    ["undefined in a list", [1, undefined]],
    ["a gap in a list", Object.assign([], { 1: 1, 3: 2 })],
    ["an object that says undefined for itself", { a: 1, b: says(undefined), list: [says(undefined)] }],
    ["an object that says another value for itself", says({ a: [says("text")], b: says(null) })],
    [
      "an object that says itself",
      {
        a: {
          b: 1,
          toJSON(this: object) {
            return { ...this, toJSON: undefined };
          },
        },
      },
    ],
    ["an object that says another such object", says({ a: 1, toJSON: undefined, b: says({ c: says(2) }) })],
    ["an object that says its name", { a: { toJSON: (key: string) => key }, list: [{ toJSON: (key: string) => key }] }],
  ])("writes %s as JSON.stringify does", (_, value) => {
    expect(JSON.parse(formatJson(value as never, style))).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test.each([
    ["a function", { call: () => {} }, "function"],
    ["a bigint", { big: 12n }, "bigint 12"],
    ["a symbol", { of: Symbol("s") }, "symbol Symbol(s)"],
    ["nothing at all", undefined, "undefined"],
    ["a function in a list", [() => {}], "function"],
  ])("refuses %s, and says so", (_, value, got) => {
    expect(() => formatJson(value as never, style)).toThrow(`expected a value that JSON can say, got ${got}`);
  });

  test("leaves out undefined members, and writes what JSON has no number for as null", () => {
    expect(JSON.parse(formatJson({ a: undefined, b: Number.NaN, c: Number.POSITIVE_INFINITY }, style))).toEqual({
      b: null,
      c: null,
    });
    expect(formatJson({ a: undefined }, style)).toBe("{}");
  });

  test("means what was written, whatever it is", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const written = formatJson(value, style);

        expect(JSON.parse(written)).toEqual(value);
        expect(written).toMatch(/^[\n -~]*$/);
      }),
      { numRuns: 700 },
    );
  });
});

test.each([
  [{}, true],
  [{ a: 1 }, true],
  [[], false],
  [null, false],
  ["{}", false],
  [undefined, false],
])("%j is an object: %s", (value, expected) => {
  expect(isObject(value)).toBe(expected);
});
