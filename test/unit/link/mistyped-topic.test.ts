import { describe, expect, test } from "vitest";
import { mistypedTopic } from "../../../src/link/mistyped-topic.ts";

const COMMAND_TOPICS = ["context", "process", "control", "state", "kitchen_1"];

describe("a topic", () => {
  test.each([
    ["contexts", "context"],
    ["contxt", "context"],
    ["Context", "context"],
    ["cotnext", "context"],
    ["stae", "state"],
    ["statte", "state"],
    ["kitchenn_1", "kitchen_1"],
  ])("%s is a mistyped %s", (topic, meant) => {
    expect(mistypedTopic(topic, COMMAND_TOPICS)).toBe(meant);
  });

  test.each([
    ["readings", "nothing is near"],
    ["progress", "two letters differ"],
    ["kitchen_2", "it is the next one of a series"],
    ["kitchen", "it is the series without a number"],
    ["~0b5c", "it is a probe"],
    ["x".repeat(1_000), "it is too long to be typed"],
  ])("%s is not mistyped: %s", (topic) => {
    expect(mistypedTopic(topic, COMMAND_TOPICS)).toBeUndefined();
  });

  test("is not taken for mistyped where it might mean either of two", () => {
    expect(mistypedTopic("stat", ["state", "stats"])).toBeUndefined();
  });
});
