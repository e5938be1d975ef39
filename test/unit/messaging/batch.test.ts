import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../../../src/messaging/embedded/batch.ts";
import { isToBroker } from "../../../src/messaging/embedded/operation-schema.ts";

const emit = (n: number, body: Buffer) => ({
  operation: { op: "emit", n, event: "a.b", id: "1", head: 0, size: body.length },
  body,
});

test("a batch is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.nat(), fc.nat(), (bodies, number, done) => {
      const items = bodies.map((bytes, n) => emit(n, Buffer.from(bytes)));

      const [json, written] = encodeBatch({ number, done, items });

      const frames = [
        Buffer.from(json),
        Buffer.concat(written.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))),
      ];
      expect(decodeBatch(frames, isToBroker)).toEqual({ number, done, items });
    }),
  );
});

describe("a batch is refused", () => {
  const one = JSON.stringify([1, 0, [{ op: "emit", n: 1, event: "a.b", id: "1", head: 0, size: 3 }]]);

  test.each([
    ["of one frame", [Buffer.from(one)], /1 frames/],
    ["that is no JSON", [Buffer.from("{"), Buffer.alloc(0)], /JSON/],
    ["without a number", [Buffer.from("[0]"), Buffer.alloc(0)], /expected \[number, done, operations\]/],
    ["of an unknown operation", [Buffer.from('[1,0,[{"op":"steal"}]]'), Buffer.alloc(0)], /unknown operation/],
    ["of an inherited operation", [Buffer.from('[1,0,[{"op":"constructor"}]]'), Buffer.alloc(0)], /unknown operation/],
    ["whose body is too short", [Buffer.from(one), Buffer.alloc(2)], /bodies of 2 bytes/],
    ["whose body is too long", [Buffer.from(one), Buffer.alloc(4)], /bodies of 4 bytes/],
    ["with a negative size", [Buffer.from(one.replace("3}]", "-3}]")), Buffer.alloc(0)], /a body of -3 bytes/],
  ])("%s", (_, frames, message) => {
    expect(() => decodeBatch(frames, isToBroker)).toThrow(message);
  });
});
