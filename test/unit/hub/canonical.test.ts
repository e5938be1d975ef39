import { describe, expect, test } from "vitest";
import { canonicalize } from "../../../src/hub/install/canonical.ts";

/** The number with these 64 bits. */
function numberOf(bits: string): number {
  return Buffer.from(bits, "hex").readDoubleBE();
}

describe("the canonical form, as RFC 8785 has it", () => {
  test("of its example in section 3.2", () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;

    expect(canonicalize(JSON.parse(input))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  test("has keys in the order of their UTF-16 units", () => {
    const input = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };

    expect(Object.values(JSON.parse(canonicalize(input)))).toHaveLength(7);
    expect([...canonicalize(input).matchAll(/:"([^"]*)"/g)].map(([, name]) => name)).toEqual([
      "Carriage Return",
      "One",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
  });

  test.each([
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ])("of the number with the bits %s is %s", (bits, text) => {
    expect(canonicalize(numberOf(bits))).toBe(text);
  });

  test.each(["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])("does not exist of the number %s", (bits) => {
    expect(() => canonicalize([numberOf(bits)])).toThrow(TypeError);
  });

  test.each(["\ud800", "a\udc00b", "\udc00\ud800"])("does not exist of half a surrogate pair, %j", (text) => {
    expect(() => canonicalize({ text })).toThrow("surrogate");
    expect(() => canonicalize({ [text]: 1 })).toThrow("surrogate");
  });

  test("keeps a key that every object inherits", () => {
    expect(canonicalize(JSON.parse('{"b":1,"__proto__":{"a":2},"constructor":3}'))).toBe(
      '{"__proto__":{"a":2},"b":1,"constructor":3}',
    );
  });

  test.each([undefined, () => {}, Symbol("a")])("does not exist of what JSON can't say", (value) => {
    expect(() => canonicalize(value)).toThrow(TypeError);
  });
});
