import { expect, test } from "vitest";
import { asOneLine, decodeText } from "../../src/text.ts";

test("UTF-8 is decoded, a byte order mark stays", () => {
  const text = "\uFEFFcafé \u{1f60a}\r\n";

  expect(decodeText(new TextEncoder().encode(text))).toBe(text);
  expect(decodeText(new Uint8Array())).toBe("");
});

test.each([
  ["Latin-1", Buffer.from("café", "latin1")],
  ["UTF-16", Buffer.from("\uFEFFcafé", "utf16le")],
  ["a text that ends in the middle of a character", Buffer.from("é").subarray(0, 1)],
])("%s is refused", (_, bytes) => {
  expect(() => decodeText(bytes)).toThrow("expected UTF-8 text, got other bytes");
});

test("JSON is one line for every reader, and the same value", () => {
  const value = { msg: "a\u0085b\u2028c\u2029d", "\u2028": "\\\n" };
  const line = asOneLine(JSON.stringify(value));
  expect(line).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
  expect(JSON.parse(line)).toEqual(value);
});
