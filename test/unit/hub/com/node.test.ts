import { describe, expect, test } from "vitest";
import { createNode, type NodeHands } from "../../../../src/hub/com/node.ts";
import { type Memory, NO_MEMORY } from "../../../../src/hub/com/node-state.ts";
import { INITIAL_STATE } from "../../../../src/hub/contract/twin.ts";
import { CallError } from "../../../../src/messaging/contract/service-error.ts";
import type { JsonObject } from "../../../../src/protocol/json.ts";

/** A node whose hands write down what they do. */
function nodeWith(memory: Memory = NO_MEMORY, but: Partial<NodeHands> = {}) {
  const done: unknown[] = [];
  const lines: string[] = [];
  let kept: Memory = memory;
  const note =
    (what: string) =>
    async (...words: unknown[]) =>
      void done.push([what, ...words]);
  const node = createNode(memory, {
    async setEnabled(isEnabled) {
      done.push(isEnabled ? "start" : "stop");
      return { [isEnabled ? "started" : "stopped"]: ["ts_1"] };
    },
    tellTwin: note("twin"),
    tellForwarding: async ({ debug, tracking }) => void done.push(["forward", debug, tracking]),
    ask: async (service, action, message) => ({ service, action, message }),
    facts: () => ({ node: "box1" }),
    keep: async (next) => {
      kept = next;
    },
    report: () => {},
    readTwin: () => void done.push("read"),
    audit: note("audit"),
    say: (line) => lines.push(line),
    warn: (line) => lines.push(line),
    now: () => new Date("2026-01-31T12:00:00Z"),
    ...but,
  });
  const wants = async (state: JsonObject, version: number) => {
    node.desired({ kind: "patch", desired: { "msb-state": state }, version });
    await node.idle();
  };
  /** What was done since the last call, without the twins that services were told of. */
  const since = () => done.splice(0).filter((one) => !(Array.isArray(one) && one[0] === "twin"));
  return { node, done, lines, since, wants, kept: () => kept };
}

const connected = async (parts: ReturnType<typeof nodeWith>, desired: JsonObject = { $version: 1 }) => {
  parts.node.connected(desired);
  await parts.node.idle();
};

describe("the desired state", () => {
  test("stops and starts the custom services when enabled changes, and does nothing when it is the same", async () => {
    const parts = nodeWith();
    await connected(parts);
    parts.since();

    await parts.wants({ enabled: false }, 2);
    expect(parts.since()).toEqual(["stop"]);
    await parts.wants({ enabled: false }, 3);
    expect(parts.since()).toEqual([]);
    await parts.wants({ enabled: true }, 4);
    expect(parts.since()).toEqual(["start"]);
  });

  test("switches forwarding when debug changes", async () => {
    const parts = nodeWith();
    await connected(parts, { "msb-state": { debug: true }, $version: 1 });

    expect(parts.since()).toEqual([["forward", true, false]]);
    await parts.wants({ debug: true }, 2);
    expect(parts.since()).toEqual([]);
    await parts.wants({ debug: null }, 3);
    expect(parts.since()).toEqual([["forward", false, false]]);
  });

  test("reaches all services whole: once at each connection, and at each change", async () => {
    const parts = nodeWith();
    const desired = { interval: 5, $version: 1 };
    const reported = { "msb-state": INITIAL_STATE };

    await connected(parts, desired);
    await connected(parts, desired);
    expect(parts.done).toEqual([
      ["twin", { desired, reported }],
      ["twin", { desired, reported }],
    ]);
    parts.node.desired({ kind: "patch", desired: { unit: "C" }, version: 2 });
    await parts.node.idle();
    expect(parts.done.at(-1)).toEqual(["twin", { desired: { interval: 5, unit: "C", $version: 2 }, reported }]);
    parts.node.desired({ kind: "patch", desired: { unit: "C" }, version: 2 });
    await parts.node.idle();
    expect(parts.done).toHaveLength(3);
  });

  test("is read whole again after a gap in its versions", async () => {
    const parts = nodeWith();
    await connected(parts);
    parts.since();

    await parts.wants({ enabled: false }, 3);

    expect(parts.since()).toEqual(["read"]);
    await connected(parts, { "msb-state": { enabled: false }, $version: 3 });
    expect(parts.since()).toEqual(["stop"]);
  });

  test("is carried out in order, one change after the other", async () => {
    const parts = nodeWith();
    await connected(parts);
    parts.since();

    void parts.wants({ enabled: false }, 2);
    void parts.wants({ enabled: true }, 3);
    await parts.wants({ enabled: false }, 4);

    expect(parts.since()).toEqual(["stop", "start", "stop"]);
  });

  test("that can't be carried out is a line, and the next one is tried", async () => {
    let isBroken = true;
    const parts = nodeWith(NO_MEMORY, {
      async setEnabled() {
        if (isBroken) throw new Error("no provider");
        return { stopped: [] };
      },
    });
    await connected(parts);
    await parts.wants({ enabled: false }, 2);

    expect(parts.lines).toEqual(["what the hub wants is not carried out: no provider"]);
    expect(parts.node.state.enabled).toBe(true);
    isBroken = false;
    expect(await parts.node.method("stop", null)).toEqual({ status: 200, payload: { stopped: [] } });
  });

  test("is kept, and holds at the next start without a hub", async () => {
    const before = nodeWith();
    await connected(before, { "msb-state": { enabled: false, debug: true }, $version: 1 });

    const parts = nodeWith(before.kept());
    parts.node.begin();
    await parts.node.idle();

    expect(parts.since()).toEqual(["stop"]);
    expect(parts.node.state).toEqual({ enabled: false, debug: true, tracking: false });
  });
});

describe("a direct method", () => {
  test("answers with what was done", async () => {
    const { node } = nodeWith();

    expect(await node.method("stop", null)).toEqual({ status: 200, payload: { stopped: ["ts_1"] } });
    expect(await node.method("stop", null)).toEqual({ status: 200, payload: { stopped: [] } });
    expect(await node.method("start", null)).toEqual({ status: 200, payload: { started: ["ts_1"] } });
  });

  test("of another name is answered with 400", async () => {
    expect(await nodeWith().node.method("explode", null)).toMatchObject({ status: 400 });
  });

  test("that fails is answered with 500 and the reason", async () => {
    const { node } = nodeWith(NO_MEMORY, {
      async setEnabled() {
        throw new Error("no provider");
      },
    });

    expect(await node.method("stop", null)).toMatchObject({
      status: 500,
      payload: { error: { message: "no provider" } },
    });
  });
});

describe("a command", () => {
  test("ping is answered at once", async () => {
    expect(await nodeWith().node.command("ping", null)).toEqual({
      status: 200,
      payload: { pong: true, time: "2026-01-31T12:00:00.000Z" },
    });
  });

  test("restart stops and starts the custom services", async () => {
    const { node, since } = nodeWith();

    expect(await node.command("restart", null)).toEqual({
      status: 200,
      payload: { stopped: ["ts_1"], started: ["ts_1"] },
    });
    expect(since()).toEqual(["stop", "start"]);
  });

  test("changeState, changeDebug and changeTracking hold until the twin says something else", async () => {
    const parts = nodeWith();
    await connected(parts);
    parts.since();

    await parts.node.command("changeState", { enabled: false });
    expect(await parts.node.command("changeDebug", { debug: true })).toMatchObject({ payload: { debug: true } });
    await parts.node.command("changeTracking", { tracking: true });
    expect(parts.since()).toEqual(["stop", ["forward", true, false], ["forward", true, true]]);
    await connected(parts);
    expect(parts.node.state).toEqual({ enabled: false, debug: true, tracking: true });
  });

  test("reset forgets what the node was told, and reads the twin again", async () => {
    const parts = nodeWith({ state: { enabled: true, debug: true, tracking: true }, reported: { a: 1 } });

    expect(await parts.node.command("reset", null)).toMatchObject({ status: 200 });
    expect(parts.kept()).toEqual(NO_MEMORY);
    expect(parts.since()).toContain("read");
  });

  test("reportState has facts and the twin", async () => {
    const parts = nodeWith();
    await parts.node.report({ interval: 5 });

    expect(await parts.node.command("reportState", null)).toEqual({
      status: 200,
      payload: { node: "box1", desired: {}, reported: { interval: 5, "msb-state": INITIAL_STATE } },
    });
  });

  test("sendMessage has a service do an action, and update is one of the service hub", async () => {
    const { node } = nodeWith();

    expect(await node.command("sendMessage", { service: "mailer", message: 7 })).toEqual({
      status: 200,
      payload: { service: "mailer", action: "Process", message: 7 },
    });
    expect(await node.command("update", { version: 3 })).toEqual({
      status: 200,
      payload: { service: "hub", action: "Update", message: { version: 3 } },
    });
  });

  test.each([
    ["ERR_SERVICE_UNKNOWN", 501],
    ["ERR_ACTION_UNKNOWN", 501],
    ["NO_ROUTE", 500],
  ])("for a service that answers %s is answered with %i", async (code, status) => {
    const { node } = nodeWith(NO_MEMORY, {
      async ask(service, action) {
        throw new CallError(service, action, { code, message: "no", retryable: false, executed: "no" });
      },
    });

    expect(await node.command("update", null)).toEqual({ status, payload: { error: { code, message: "no" } } });
  });

  test("that no hub may give is refused, written down, and does nothing", async () => {
    const { node, done, lines } = nodeWith();

    expect(await node.command("reboot", null)).toMatchObject({ status: 403 });
    expect(await node.method("remoteShell", null)).toMatchObject({ status: 403 });
    expect(done).toEqual([
      ["audit", "command", "reboot", "a node does not restart its machine"],
      ["audit", "method", "remoteShell", "a node runs no commands of a remote shell"],
    ]);
    expect(lines[0]).toBe('command "reboot" was refused: a node does not restart its machine');
  });
});
