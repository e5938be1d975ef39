import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ZcontextError } from "../../../src/errors.ts";
import { decodeFrame, encodeFrame, MAX_DEPTH, MAX_FRAME_BYTES, topicOf } from "../../../src/protocol/codec.ts";
import type { Json } from "../../../src/protocol/json.ts";
import { anyJson } from "./json-values.ts";

const SEPARATOR = "@@@";

function encoded(body: Json, topic = "control"): string {
  return encodeFrame({ topic, body }).toString("latin1");
}

function decoded(text: string): Json {
  return decodeFrame(Buffer.from(text)).body;
}

/** Why something is refused; fails unless it is, and in the one way the codec refuses. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ZcontextError && error.code === "ERR_MESSAGE_MALFORMED") return error.message;
    throw error;
  }
  throw new Error("was not refused");
}

const refusalOf = (text: string | Buffer) => refusal(() => decodeFrame(Buffer.from(text as string)));
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

describe("a frame", () => {
  test("begins as the original's does", () => {
    expect(encoded({ content: { status: 1 } })).toBe('control @@@ {\n    "content": {\n        "status": 1\n    }\n}');
  });

  test("on monitor is one line, as its keys come", () => {
    expect(encoded({ T: [{ status: "sleeping", rss: 1.5 }] }, "monitor")).toBe(
      'monitor @@@ {"T": [{"status": "sleeping", "rss": 1.5}]}',
    );
  });

  test("is pure ASCII", () => {
    expect(encoded({ größe: "日本 😀" })).toMatch(/^[\n -~]*$/);
  });

  test("gives back what was put in, whatever it is", () => {
    const topics = fc.constantFrom("context", "control", "process", "state", "monitor", "my.own-topic_1");

    fc.assert(
      fc.property(topics, anyJson, (topic, body) => {
        expect(decodeFrame(encodeFrame({ topic, body }))).toEqual({ topic, body });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the separator", () => {
  test("occurs once in what we send, whatever the payload holds", () => {
    const ats = fc.string({ unit: fc.constantFrom("@", "\\", "u0040", "x"), maxLength: 20 });

    fc.assert(
      fc.property(ats, ats, (key, text) => {
        const frame = encoded({ [key]: [text] });

        expect(frame.split(SEPARATOR)).toHaveLength(2);
        expect(decoded(frame)).toEqual({ [key]: [text] });
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["@@", "@@"],
    ["@@@", "\\u0040@@"],
    ["@@@@", "\\u0040\\u0040@@"],
    ["@@@@@@", "\\u0040\\u0040\\u0040\\u0040@@"],
    ["a@@@b@@@c", "a\\u0040@@b\\u0040@@c"],
  ])("in a text %s travels as %s", (text, escaped) => {
    expect(encoded(text)).toBe(`control @@@ "${escaped}"`);
  });

  test("is escaped in keys, too", () => {
    expect(encoded({ "@@@": 1 })).toBe('control @@@ {\n    "\\u0040@@": 1\n}');
  });

  test("splits where it comes first, so a peer need not escape it", () => {
    expect(decoded('control @@@ {"a": "b @@@ c"}')).toEqual({ a: "b @@@ c" });
    expect(decoded('control @@@ "@@@"')).toBe("@@@");
  });

  test("may stand without white space, or with more of it, around either side", () => {
    expect(decodeFrame(Buffer.from("\n control@@@{}\r\n"))).toEqual({ topic: "control", body: {} });
    expect(decodeFrame(Buffer.from("  control \t@@@\n\n {} "))).toEqual({ topic: "control", body: {} });
  });
});

describe("a topic", () => {
  test.each([
    ["nothing", ""],
    ["white space in it", "two words"],
    ["a line end", "control\n"],
    ["a control character", "con\u0000trol"],
    ["the separator", "a@@@b"],
    ["more than 128 characters", "t".repeat(129)],
  ])("with %s can't be sent", (_, topic) => {
    expect(refusal(() => encodeFrame({ topic, body: {} }))).toContain("expected one word");
  });

  test.each([
    ["nothing", " @@@ {}"],
    ["white space in it", "two words @@@ {}"],
    ["a control character", "con\u0001trol @@@ {}"],
    ["more than 128 characters", `${"t".repeat(129)} @@@ {}`],
  ])("with %s is refused", (_, frame) => {
    expect(refusalOf(frame)).toContain("expected one word");
  });

  test("of 128 characters travels", () => {
    const topic = "t".repeat(128);

    expect(decodeFrame(encodeFrame({ topic, body: null })).topic).toBe(topic);
  });

  test("may end with what the separator is made of", () => {
    expect(decodeFrame(encodeFrame({ topic: "a@@", body: 1 }))).toEqual({ topic: "a@@", body: 1 });
  });

  test("may hold quotes and brackets, which neither hide nor count what is nested in the payload", () => {
    expect(refusalOf(`a" @@@ ${nested(65)}`)).toContain("nested deeper than 64 levels");
    expect(decodeFrame(Buffer.from(`[[" @@@ ${nested(64)}`)).topic).toBe('[["');
  });

  test("can be told without reading on", () => {
    expect(topicOf(Buffer.from("control @@@ no JSON at all"))).toBe("control");
    expect(topicOf(encodeFrame({ topic: "monitor", body: {} }))).toBe("monitor");
    expect(topicOf(Buffer.from(`${"t".repeat(128)} @@@ {}`))).toBe("t".repeat(128));
  });

  test("can't be told of what has none", () => {
    for (const frame of ["", "control", "@@@ {}", "two words @@@ {}", `${"t".repeat(1_000)} @@@ {}`])
      expect(topicOf(Buffer.from(frame))).toBeUndefined();
  });
});

describe("a frame is refused that", () => {
  test.each([
    ["is empty", "", 'expected "topic @@@ json"'],
    ["has no separator", "control {}", 'got "control {}"'],
    ["has no payload", "control @@@", "not JSON"],
    ["has half a payload", 'control @@@ {"a": ', "not JSON"],
    ["has two payloads", "control @@@ {} {}", "not JSON"],
    ["has Python's NaN for a number", 'control @@@ {"a": NaN}', "not JSON"],
  ])("%s", (_, frame, reason) => {
    expect(refusalOf(frame)).toContain(reason);
  });

  test.each([
    ["a byte that begins nothing", [0xff]],
    ["half a character", [0xc3]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["an overlong form", [0xc0, 0xaf]],
  ])("is not UTF-8: %s", (_, bytes) => {
    expect(refusalOf(Buffer.from([...Buffer.from('control @@@ "'), ...bytes, 0x22]))).toContain("is not UTF-8");
  });

  test("quotes no more than 40 characters of it", () => {
    expect(refusalOf("x".repeat(1_000)).length).toBeLessThan(100);
  });
});

test("the word null, and any other value of JSON, is a payload", () => {
  expect(decoded("control @@@ null")).toBeNull();
  expect(decoded("control @@@ 1")).toBe(1);
});

describe("a frame of 8 MiB", () => {
  const overhead = 'control @@@ ""'.length;

  test("travels to the byte", () => {
    const body = "x".repeat(MAX_FRAME_BYTES - overhead);

    expect(encodeFrame({ topic: "control", body })).toHaveLength(MAX_FRAME_BYTES);
    expect(decodeFrame(encodeFrame({ topic: "control", body })).body === body).toBe(true);
  });

  test("and a byte is neither sent nor read", () => {
    const body = "x".repeat(MAX_FRAME_BYTES - overhead + 1);

    expect(refusal(() => encodeFrame({ topic: "control", body }))).toContain("8388609 bytes, the limit is 8388608");
    expect(refusalOf(`control @@@ "${body}"`)).toContain("8388609 bytes, the limit is 8388608");
  });

  test("is counted in what travels, not in what was meant", () => {
    const body = "é".repeat(Math.ceil(MAX_FRAME_BYTES / 6)); // two bytes as they are, six once they are escaped

    expect(refusal(() => encodeFrame({ topic: "control", body }))).toContain("the limit is");
  });
});

describe("nesting", () => {
  test("of 64 levels is read, of 65 is refused", () => {
    expect(JSON.stringify(decoded(`control @@@ ${nested(MAX_DEPTH)}`))).toBe(nested(64));
    expect(refusalOf(`control @@@ ${nested(65)}`)).toContain("nested deeper than 64 levels");
  });

  test("of 64 objects is read, of 65 is refused", () => {
    const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

    expect(JSON.stringify(decoded(`control @@@ ${objects(64)}`))).toBe(objects(64));
    expect(refusalOf(`control @@@ ${objects(65)}`)).toContain("nested deeper than 64 levels");
  });

  test("of 10,000 levels is refused without being built, closed or not", () => {
    expect(refusalOf(`control @@@ ${nested(10_000)}`)).toContain("nested deeper than 64 levels");
    expect(refusalOf(`control @@@ ${"[".repeat(10_000)}`)).toContain("nested deeper than 64 levels");
    expect(refusalOf(`control @@@ ${'{"a":['.repeat(10_000)}`)).toContain("nested deeper than 64 levels");
  });

  test("is about what is open at a time, not about how much there is", () => {
    expect(decoded(`control @@@ [${Array(1_000).fill("[[]]").join()}]`)).toHaveLength(1_000);
  });

  test("does not count brackets in texts", () => {
    expect(decoded(`control @@@ "${"[".repeat(1_000)}"`)).toBe("[".repeat(1_000));
    expect(decoded(`control @@@ ["\\"${"[".repeat(1_000)}", "\\\\", "{"]`)).toHaveLength(3);
  });

  test("counts brackets behind a text that ends with a backslash", () => {
    expect(refusalOf(`control @@@ ["\\\\", ${nested(64)}]`)).toContain("nested deeper than 64 levels");
  });
});

describe("the key __proto__", () => {
  test.each([
    ["as it is", '{"__proto__": 1}'],
    ["deep inside", '[{"a": {"__proto__": {"polluted": true}}}]'],
    ["with an escaped underscore", '{"\\u005f_proto__": 1}'],
    ["with an escaped letter", '{"__pr\\u006fto__": 1}'],
    ["with nothing but escapes", '{"\\u005F\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f": 1}'],
    ["where a later key of the same name hides it", '{"__proto__": 1, "__proto__": null}'],
  ])("is refused, spelled %s", (_, json) => {
    expect(refusalOf(`control @@@ ${json}`)).toContain('the key "__proto__" is not allowed');
  });

  test("is a text like any other where it is no key", () => {
    expect(decoded('control @@@ ["__proto__", {"proto__": "__pr\\u006fto__"}]')).toEqual([
      "__proto__",
      { proto__: "__proto__" },
    ]);
  });

  test("is refused alone: other keys with a meaning to JavaScript are plain members", () => {
    const body = decoded('control @@@ {"constructor": 1, "toString": 2, "hasOwnProperty": 3}');

    expect(Object.entries(body as object)).toEqual([
      ["constructor", 1],
      ["toString", 2],
      ["hasOwnProperty", 3],
    ]);
  });
});

test("bytes of any kind are read or refused, and nothing else happens", () => {
  const json = fc.string({
    unit: fc.constantFrom('"', "\\", "[", "]", "{", "}", ":", ",", "a", "1", "@", "\\u00", " "),
  });
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from("control @@@ "), bytes])),
    fc.string({ unit: "binary" }).map((text) => Buffer.from(`control @@@ ${text}`)),
    json.map((text) => Buffer.from(`control @@@ ${text}`)),
    // A frame of ours with one byte replaced.
    fc.tuple(anyJson, fc.nat(), fc.nat(255)).map(([body, at, byte]) => {
      const frame = encodeFrame({ topic: "control", body });
      frame[at % frame.length] = byte;
      return frame;
    }),
  );

  fc.assert(
    fc.property(frames, (frame) => {
      try {
        const { topic } = decodeFrame(frame);
        expect(topicOf(frame)).toBe(topic);
      } catch (error) {
        if (!(error instanceof ZcontextError) || error.code !== "ERR_MESSAGE_MALFORMED") throw error;
      }
    }),
    { numRuns: 3_000 },
  );
});
