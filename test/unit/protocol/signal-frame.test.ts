import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeFrame } from "../../../src/protocol/codec.ts";
import {
  encodeSignal,
  headerMembers,
  leadingTopic,
  readSignal,
  signalStart,
  stampedText,
} from "../../../src/protocol/signal-frame.ts";
import { anyJson } from "./json-values.ts";

const START = signalStart("t", "59f1");

function encoded(content: unknown, header = {}, sequence = 7): Buffer {
  return Buffer.from(encodeSignal(START, sequence, headerMembers(header), JSON.stringify(content)));
}

describe("a signal", () => {
  test("is a frame that begins with its stamp", () => {
    expect(encoded({ celsius: 21.5 }, { src: "c/s/1" }).toString()).toBe(
      't @@@ {"header":{"incarnation":"59f1","sequence":7,"src":"c/s/1"},"content":{"celsius":21.5}}',
    );
  });

  test("gives back what was put in, and is the same to who decodes it as any frame", () => {
    fc.assert(
      fc.property(anyJson, fc.string(), fc.nat(), (content, src, sequence) => {
        const bytes = encoded(content, { src }, sequence);
        const { stamp, content: read, header } = readSignal(bytes, "t");

        expect(stamp).toEqual({ incarnation: "59f1", sequence });
        expect(JSON.parse(read)).toEqual(JSON.parse(JSON.stringify(content)));
        expect(header()).toEqual({ incarnation: "59f1", sequence, src });
        expect(decodeFrame(bytes).body).toMatchObject({ header: { incarnation: "59f1", sequence, src } });
        expect(bytes.toString().split("@@@")).toHaveLength(2);
        expect(leadingTopic(bytes)).toBe("t");
      }),
      { numRuns: 600 },
    );
  });

  test.each([
    [
      "with its members the other way round",
      't @@@ {"content":[1],"header":{"src":"x","sequence":3,"incarnation":"i"}}',
    ],
    ["indented", 't @@@ {\n "header": {"incarnation": "i", "sequence": 3, "src": "x"},\n "content": [1]\n}'],
    ["without white space before the JSON", 't@@@{"header":{"incarnation":"i","sequence":3,"src":"x"},"content":[1]}'],
  ])("is read %s", (_, text) => {
    const { stamp, content, header } = readSignal(Buffer.from(text), "t");

    expect(stamp).toEqual({ incarnation: "i", sequence: 3 });
    expect(content).toBe("[1]");
    expect(header()).toEqual({ incarnation: "i", sequence: 3, src: "x" });
  });

  test.each([
    ["a value without a header", "t @@@ [1,2]", "[1,2]"],
    ["an object without a header", 't @@@ {"content":1}', '{"content":1}'],
    ["a header without a stamp", 't @@@ {"header":{"action":"x"},"content":2}', "2"],
  ])("may be %s, of a publisher that counts nothing", (_, text, content) => {
    const frame = readSignal(Buffer.from(text), "t");

    expect(frame.stamp).toBeUndefined();
    expect(frame.content).toBe(content);
  });

  test.each(["t", "t @@@", "t @@@ {", 't @@@ {"header":{"incarnation":"i","sequence":3'])(
    "is refused as %j",
    (text) => {
      expect(() => readSignal(Buffer.from(text), "t")).toThrow(
        expect.objectContaining({ code: "ERR_MESSAGE_MALFORMED" }),
      );
    },
  );

  test("that is published as a frame is the same one, with its stamp in front", () => {
    fc.assert(
      fc.property(
        anyJson,
        fc.dictionary(fc.constantFrom("action", "service_id", "x"), fc.string()),
        (content, header) => {
          const mark = { incarnation: "59f1", sequence: 3 };
          const bytes = Buffer.from(stampedText({ topic: "t", body: { header, content } }, mark));

          expect(decodeFrame(bytes)).toEqual({ topic: "t", body: { header: { ...header, ...mark }, content } });
          expect(readSignal(bytes, "t").stamp).toEqual(mark);
        },
      ),
    );
  });

  test.each([
    ["a header that has a stamp", { header: { sequence: 9 }, content: 1 }],
    ["further members", { header: {}, content: 1, more: 2 }],
    ["no content", { header: {} }],
  ])("with %s is stamped all the same", (_, body) => {
    const mark = { incarnation: "59f1", sequence: 3 };

    expect(decodeFrame(Buffer.from(stampedText({ topic: "t", body }, mark))).body).toEqual({ ...body, header: mark });
  });
});
