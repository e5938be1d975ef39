import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BATCH_LIMITS,
  createZmtpReader,
  encodeMessage,
  greeting,
  ready,
} from "../../../src/messaging/engines/zeromq/zmtp.ts";

const MAX_BYTES = 100_000;

/** The side that reads, with what it has read, replied and learnt. */
function reader() {
  const replies: Buffer[] = [];
  const names: string[] = [];
  const { take } = createZmtpReader(
    { type: "ROUTER", identity: "" },
    { ...BATCH_LIMITS, messageBytes: MAX_BYTES },
    {
      onReady: (name) => void names.push(name),
      reply: (bytes) => void replies.push(bytes),
    },
  );
  return { take, replies, names };
}

function piecesOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}

const opening = [greeting(), ready("DEALER", "member")];

test("messages are read as they were written, in whatever pieces they arrive", () => {
  const message = fc.tuple(
    fc.string({ maxLength: 400 }),
    fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat(300)), (messages, sizes) => {
      const written = messages.map(([text, bodies]) => encodeMessage(text, bodies.map(Buffer.from)));
      const { take, names } = reader();

      const read = piecesOf(Buffer.concat([...opening, ...written]), sizes).flatMap(take);

      expect(names).toEqual(["member"]);
      expect(read).toEqual(messages.map(([text, bodies]) => [Buffer.from(text), Buffer.concat(bodies)]));
    }),
  );
});

test("each side answers the greeting with what it is", () => {
  const { take, replies } = reader();

  take(greeting());

  expect(replies).toEqual([ready("ROUTER", "")]);
});

test("a ping is answered with its context", () => {
  const { take, replies } = reader();
  for (const bytes of opening) take(bytes);

  take(Buffer.from("\x04\x09\x04PING\x00\x0ahi", "latin1"));

  expect(replies.at(-1)).toEqual(Buffer.from("\x04\x07\x04PONGhi", "latin1"));
});

describe("a connection is refused", () => {
  const long = encodeMessage("", [Buffer.alloc(MAX_BYTES + 1)]);
  const curve = greeting();
  curve.write("CURVE", 12);

  test.each([
    ["that is no ZeroMQ", [Buffer.from("GET / HTTP/1.1\r\n".repeat(10))], /greeting of ZMTP 3/],
    ["with another mechanism", [curve], /mechanism CURVE, expected NULL/],
    ["with a message before READY", [greeting(), encodeMessage("a", [])], /a message before READY/],
    ["with a message that is too long", [...opening, long], /more than 100000 bytes/],
    ["with frames without end", [...opening, Buffer.from("\x01\x00".repeat(20))], /more than 16 frames/],
  ])("%s", (_, chunks, message) => {
    const { take } = reader();

    expect(() => chunks.map(take)).toThrow(message);
  });
});
