import { expect, test } from "vitest";
import { decodeText } from "../../src/text.ts";

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
