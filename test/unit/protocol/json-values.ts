import fc from "fast-check";
import type { Json } from "../../../src/protocol/json.ts";

// Any text: plain, with what JSON escapes, with what the separator is made of, from every plane of Unicode.
const awkward = fc.constantFrom(
  "@",
  '"',
  "\\",
  "/",
  "\n",
  "\r\n",
  "\t",
  "\u0000",
  "\u001f",
  "\u007f",
  "\u2028",
  "é",
  "😀",
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.oneof(awkward, fc.constant("@"), fc.string({ minLength: 1, maxLength: 1 })) }),
  fc.string({ unit: "binary" }),
);

/** Half a surrogate pair, as only an escape can spell it. */
const halves = fc.string({ unit: fc.constantFrom("\ud83d", "\ude00", "a") });

/**
 * Numbers that Python and JavaScript write alike: no float without a fraction, none that Python gives an exponent,
 * and no minus zero.
 */
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Number.isInteger(value) && Math.abs(value) >= 1e-4),
);

/** A value of JSON as it may travel: no deeper than a frame allows, and without the key `__proto__`. */
export const anyJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json; leaf: Json; key: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", maxDepth: 8 },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(tie("key"), tie("value"), { maxKeys: 6, noNullPrototype: true }),
  ),
  leaf: fc.oneof(text, halves, number, fc.boolean(), fc.constant(null)),
  key: fc
    .oneof(text, halves, fc.constantFrom("10", "9", "header", "content", "\u{1f600}", "\uffff", "@@@"))
    .filter((key) => key !== "__proto__"),
})).value;
