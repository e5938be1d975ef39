// What the documentation shows of the protocol is the protocol.
import { describe, expect, test } from "vitest";
import { decodeFrame, encodeFrame } from "../../src/protocol/codec.ts";
import { isObject } from "../../src/protocol/json.ts";
import { readMessage, stampOf } from "../../src/protocol/message.ts";
import { readFromTask } from "../../src/protocol/pipe.ts";
import { blocksOf, readDocument } from "../support/readme.ts";

const blocks = blocksOf(readDocument("docs/protocol.md")).map((block) => ({ ...block, text: block.lines.join("\n") }));
const frames = blocks
  .filter(({ language }) => language === "text")
  .map(({ section, text }) => [`${text.split(" ")[0]} under “${section}”`, Buffer.from(text)] as const);
const values = blocks.filter(({ language }) => language === "json");

describe("in docs/protocol.md", () => {
  test.each(frames)("the frame %s travels as it stands there", (_, bytes) => {
    expect(encodeFrame(decodeFrame(bytes)).toString()).toBe(bytes.toString());
  });

  test.each(frames)("the frame %s is understood", (_, bytes) => {
    const frame = decodeFrame(bytes);

    // These are read by whoever listens, and not by us as messages of ours.
    if (["monitor", "overview", "transition"].includes(frame.topic)) expect(isObject(frame.body)).toBe(true);
    else if (frame.topic === "temperature") expect(stampOf(frame)).toBeDefined();
    else expect(readMessage(frame)).toMatchObject({ header: { action: expect.stringMatching(/^\w+$/) } });
  });

  test.each(values)("the value under “$section” is JSON", ({ text }) => {
    expect(isObject(JSON.parse(text))).toBe(true);
  });

  test("what a task says on its pipe is understood", () => {
    const said = values.map(({ text }) => JSON.stringify(JSON.parse(text))).filter((line) => line.includes("announce"));

    expect(said.map(readFromTask)).toMatchObject([{ type: "announce", sequence: 1, isLast: false }]);
  });

  test("every kind of message has its example", () => {
    const actions = frames.flatMap(([, bytes]) => {
      const { topic, body } = decodeFrame(bytes);
      return ["monitor", "overview", "temperature", "transition"].includes(topic)
        ? topic
        : [topic, readMessage({ topic, body }).header.action].join(" ");
    });

    expect([...new Set(actions)].sort()).toEqual([
      "context exit",
      "context start",
      "context stop",
      "control created",
      "control ended",
      "control exited",
      "control failed",
      "control not_restarted",
      "control refused",
      "control started",
      "control throttled",
      "control update",
      "control updated",
      "monitor",
      "overview",
      "process start",
      "process stop",
      "state reply_context",
      "state reply_top",
      "state request",
      "state top",
      "temperature",
      "transition",
    ]);
  });
});
