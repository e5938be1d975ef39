import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSameText, isUntouched, withHeader } from "../../../src/generator/header.ts";

const TEXT = 'import task from "./Echo.js";\n\nexport default task;\n';
const COMMENTS = ["//", "#"] as const;

describe("a generated text", () => {
  test("has a first line of its own, a comment with a hash", () => {
    const [first, ...rest] = withHeader(TEXT, "//").split("\n");

    expect(first).toMatch(/^\/\/ Written by create-service; replaced while it is unchanged: sha256 [0-9a-f]{64}$/);
    expect(rest.join("\n")).toBe(TEXT);
    expect(withHeader(TEXT, "#")).toMatch(/^# Written by/);
  });

  test.each(COMMENTS)("is untouched as it was made, under a %s", (comment) => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(isUntouched(withHeader(text, comment))).toBe(true);
      }),
    );
  });

  test.each(COMMENTS)("is untouched when a checkout has changed its line ends, under a %s", (comment) => {
    const lines = fc.array(fc.constantFrom("a", "", " ", "\t", "\r\t", "b"));
    fc.assert(
      fc.property(lines, (parts) => {
        const text = withHeader(parts.join("\n"), comment);

        expect(isUntouched(text.replaceAll("\n", "\r\n"))).toBe(true);
      }),
    );
  });

  test("is touched when one character has changed, come or gone, be it of the header", () => {
    const made = withHeader(TEXT, "//");
    fc.assert(
      fc.property(
        fc.nat(made.length - 1),
        fc.constantFrom("", "x", " ", "\n", "0", "\t"),
        fc.boolean(),
        (at, now, add) => {
          const changed = made.slice(0, at) + now + made.slice(add ? at : at + 1);
          fc.pre(changed !== made);

          expect(isUntouched(changed)).toBe(false);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("is touched when its end is cut off, or something follows", () => {
    const made = withHeader(TEXT, "//");

    expect(isUntouched(made.trimEnd())).toBe(false);
    expect(isUntouched(`${made}\n`)).toBe(false);
    expect(isUntouched(`${made}// mine\n`)).toBe(false);
    expect(isUntouched(made.slice(0, made.indexOf("\n") + 1))).toBe(false);
  });

  test("is touched when something stands before it", () => {
    const made = withHeader(TEXT, "#");

    for (const before of ["\n", "#!/usr/bin/env python3\n", "\uFEFF", " "])
      expect(isUntouched(before + made)).toBe(false);
  });

  test.each(["", "\n", TEXT, "// Written by create-service; replaced while it is unchanged: sha256 \n"])(
    "is none without a header: %j",
    (text) => {
      expect(isUntouched(text)).toBe(false);
    },
  );

  test("is none under the header of another", () => {
    const [header] = withHeader(TEXT, "//").split("\n");

    expect(isUntouched(`${header}\n${TEXT}more\n`)).toBe(false);
    expect(isUntouched(withHeader(withHeader(TEXT, "//"), "//"))).toBe(true);
  });
});

test.each([
  ["a\nb\n", "a\r\nb\r\n", true],
  ["a\r\nb\n", "a\nb\r\n", true],
  ["a\nb", "a\rb", false],
  ["a\n", "a", false],
  ["a", "A", false],
])("%j and %j are the same: %s", (one, other, expected) => {
  expect(isSameText(one, other)).toBe(expected);
});
