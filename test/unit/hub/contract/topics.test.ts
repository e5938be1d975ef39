import { describe, expect, test } from "vitest";
import { DEFAULT_ROOT, filtersOfHub, filtersOfNode, readTopic, topicsOf } from "../../../../src/hub/contract/topics.ts";

const address = { root: DEFAULT_ROOT, node: "box1" };

describe("the topics of a node", () => {
  test("begin with the root and its name", () => {
    const topics = topicsOf(address);

    expect(topics).toMatchObject({
      telemetry: "zcontext/box1/telemetry",
      desired: "zcontext/box1/twin/desired",
      reported: "zcontext/box1/twin/reported",
      log: "zcontext/box1/log",
      status: "zcontext/box1/status",
    });
    expect(topics.method("start", "7")).toBe("zcontext/box1/methods/start/7");
    expect(topics.methodAnswer("7")).toBe("zcontext/box1/methods/res/7");
    expect(topics.command("ping")).toBe("zcontext/box1/commands/ping");
    expect(topics.commandAnswer("ping")).toBe("zcontext/box1/commands/res/ping");
  });

  test("may have a root of several levels", () => {
    expect(topicsOf({ root: "plant/7", node: "box1" }).log).toBe("plant/7/box1/log");
    expect(readTopic("plant/7", "plant/7/box1/log")).toEqual({ node: "box1", kind: "log" });
  });

  test.each(["", "a/b", "a+", "#", "a\u0000", "x".repeat(129)])("refuse the name %j", (node) => {
    expect(() => topicsOf({ root: "zcontext", node }).log).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID" }),
    );
  });

  test.each(["", "a//b", "$SYS", "a/#", "/a"])("refuse the root %j", (root) => {
    expect(() => topicsOf({ root, node: "box1" })).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
    expect(() => filtersOfHub(root)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
  });
});

describe("a topic is read as", () => {
  const topics = topicsOf(address);

  test.each([
    [topics.telemetry, { kind: "telemetry" }],
    [topics.desired, { kind: "desired" }],
    [topics.reported, { kind: "reported" }],
    [topics.log, { kind: "log" }],
    [topics.status, { kind: "status" }],
    [topics.method("start", "r1"), { kind: "method", name: "start", requestId: "r1" }],
    [topics.methodAnswer("r1"), { kind: "method-answer", requestId: "r1" }],
    [topics.command("ping"), { kind: "command", name: "ping" }],
    [topics.commandAnswer("ping"), { kind: "command-answer", requestId: "ping" }],
  ])("%s", (topic, read) => {
    expect(readTopic(DEFAULT_ROOT, topic)).toEqual({ node: "box1", ...read });
  });

  test.each([
    "other/box1/log",
    "zcontext",
    "zcontext//log",
    "zcontext/box1",
    "zcontext/box1/constructor",
    "zcontext/box1/twin",
    "zcontext/box1/twin/desired/more",
    "zcontext/box1/methods/start",
    "zcontext/box1/methods/start/",
    "zcontext/box1/methods/start/r1/more",
    "zcontext/box1/commands/",
    "zcontext/box1/commands/ping/r1",
  ])("nothing: %s", (topic) => {
    expect(readTopic(DEFAULT_ROOT, topic)).toBeUndefined();
  });

  test("what both sides subscribe to covers all that the other one publishes", () => {
    const matches = (filters: string[], topic: string) =>
      filters.some((filter) => new RegExp(`^${filter.replaceAll("+", "[^/]+")}$`).test(topic));
    const own = [topics.telemetry, topics.reported, topics.log, topics.status, topics.methodAnswer("r")];
    const told = [topics.desired, topics.method("start", "r"), topics.command("ping")];

    expect(told.every((topic) => matches(filtersOfNode(address), topic))).toBe(true);
    expect([...own, topics.commandAnswer("r")].every((topic) => matches(filtersOfHub(DEFAULT_ROOT), topic))).toBe(true);
    expect(told.some((topic) => matches(filtersOfHub(DEFAULT_ROOT), topic))).toBe(false);
  });
});
