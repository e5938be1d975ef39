import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { childTrace, uuidV7 } from "../../../src/messaging/contract/envelope.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

test("an id is a UUIDv7, and a later one sorts behind an earlier one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), fc.uint8Array({ minLength: 10, maxLength: 10 }), (ms, bytes) => {
      const [first, second] = [uuidV7(ms, bytes), uuidV7(ms + 1, randomBytes(10))];

      expect(first).toMatch(UUID_V7);
      expect(first < second).toBe(true);
    }),
  );
});

test("the id of RFC 9562, appendix A.6, is written as there", () => {
  const random = Buffer.from("cc398c4dc0c0c07398f", "hex");

  expect(uuidV7(0x017f22e279b0, Buffer.concat([random, Buffer.alloc(10)]))).toMatch(/^017f22e2-79b0-7cc3-/);
});

test("what follows from a message keeps its trace, with a span of its own", () => {
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

  const child = childTrace(parent, randomBytes(24));

  expect(child).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  expect(child).not.toBe(parent);
});

test.each([undefined, "", "00-xyz", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"])(
  "without a parent that can be read (%j), a trace begins",
  (parent) => {
    expect(childTrace(parent, randomBytes(24))).toMatch(TRACEPARENT);
  },
);
