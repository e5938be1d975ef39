import fc from "fast-check";
import { expect, test } from "vitest";
import { childTrace, type Envelope, envelopeText, uuidV7 } from "../../../src/messaging/contract/envelope.ts";
import { newEnvelope } from "../../../src/messaging/new-envelope.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const HEX = "0123456789abcdef".repeat(3);
const hexDigits = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

test("an id is a UUIDv7, and a later one sorts behind an earlier one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), hexDigits(19), hexDigits(19), (ms, one, other) => {
      const [first, second] = [uuidV7(ms, one), uuidV7(ms + 1, other)];

      expect(first).toMatch(UUID_V7);
      expect(first < second).toBe(true);
    }),
  );
});

test("the id of RFC 9562, appendix A.6, is written as there", () => {
  expect(uuidV7(0x017f22e279b0, "cc38c4dc0c0c07398f1")).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("what follows from a message keeps its trace, with a span of its own", () => {
  const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

  const child = childTrace(parent, HEX);

  expect(child).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  expect(child).not.toBe(parent);
});

test.each([undefined, "", "00-xyz", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"])(
  "without a parent that can be read (%j), a trace begins",
  (parent) => {
    expect(childTrace(parent, HEX)).toMatch(TRACEPARENT);
  },
);

test("an envelope is written as JSON writes it, whatever stands in it", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    hexDigits(8),
    fc.constantFrom("context001/shop/ts001", 'a"b', "\u2028"),
  );
  const number = fc.oneof(fc.nat(), fc.double());
  const envelopes = fc.record<Envelope, "id" | "src" | "sent" | "session_id" | "traceparent">(
    {
      ...{ id: text, src: text, sent: number, ttl_ms: number, session_id: text, traceparent: text },
      headers: fc.dictionary(text, text),
    },
    { requiredKeys: ["id", "src", "sent", "session_id", "traceparent"] },
  );
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const text = envelopeText(envelope);

      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(envelope)));
      expect(Buffer.byteLength(text)).toBe(text.length);
    }),
  );
});

test("an envelope that is made here is written as JSON writes it, whatever it belongs to", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom('a"b', "00-xyz"));
  const about = fc.record(
    { ttlMs: fc.double(), sessionId: text, headers: fc.dictionary(text, text) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(text, text, text, about, (src, sessionId, traceparent, { ttlMs, ...others }) => {
      const envelope = newEnvelope(src, { sessionId, traceparent }, { ...others, ttlMs });

      const written = envelopeText(envelope);

      expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(envelope)));
      expect(Buffer.byteLength(written)).toBe(written.length);
    }),
  );
});
