import { describe, expect, test } from "vitest";
import { contextChanges, differenceOf, takenOver } from "../../../src/config/changes.ts";
import { type ContextConfig, DEFAULT_SUPERVISION, type Supervision } from "../../../src/config/context-config.ts";
import { task } from "../context/task.ts";

const supervised = (but: Partial<Supervision>) => task("ts001", { supervision: { ...DEFAULT_SUPERVISION, ...but } });

const endpoints = { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:2" };
const context: ContextConfig = {
  ...{ contextId: "c", logName: "log", endpoints, binds: endpoints, messaging: { durability: "file" } },
  ...{ logs: { fileMib: 10, files: 5, totalMib: 1_024 }, strategy: "one_for_one" },
  ...{ supervision: DEFAULT_SUPERVISION, tasks: [task("ts001")] },
};

describe("two definitions of a task", () => {
  test("are the same where every part is", () => {
    expect(differenceOf(task("ts001"), task("ts001"))).toEqual({ effect: "same", reasons: [] });
  });

  test.each([
    [{ graceMs: 3_000 }, "grace_s 10 -> 3"],
    [{ maxRestarts: 9 }, "max_restarts 5 -> 9"],
    [{ restart: "always" }, "restart never -> always"],
    [{ memoryMaxMib: 64 }, "memory_max_mib none -> 64"],
    [{ dependsOn: ["ts002", "ts003"] }, "depends_on none -> ts002,ts003"],
    [{ essential: true }, "essential false -> true"],
    [{ rolling: true }, "rolling false -> true"],
    [{ heartbeatTimeoutMs: 9_000 }, "heartbeat_timeout_s 5 -> 9"],
  ] satisfies [Partial<Supervision>, string][])("a process goes on with %j", (but, reason) => {
    expect(differenceOf(task("ts001"), supervised(but))).toEqual({ effect: "in-place", reasons: [reason] });
  });

  test.each([
    [{ nice: 5 }, "nice 0 -> 5"],
    [{ filesMax: 64 }, "files_max none -> 64"],
    [{ stopSignal: "SIGINT" }, "stop_signal SIGTERM -> SIGINT"],
    [{ heartbeatMs: 2_000 }, "heartbeat_s 1 -> 2"],
    [{ envFiles: [".env"] }, "env_file none -> .env"],
    [{ workingFolder: "w" }, "working_folder none -> w"],
  ] satisfies [Partial<Supervision>, string][])("only another run has %j", (but, reason) => {
    expect(differenceOf(task("ts001"), supervised(but))).toEqual({ effect: "restart", reasons: [reason] });
  });

  test("tell variables and entries by their names alone", () => {
    const [old, next] = [
      { KEY: "one", SAME: "s" },
      { KEY: "secret", SAME: "s", NEW: "secret" },
    ];
    const difference = differenceOf(
      { ...supervised({ environment: old }), configuration: old },
      { ...supervised({ environment: next }), configuration: next },
    );

    expect(difference).toEqual({ effect: "restart", reasons: ["configuration KEY, NEW", "environment KEY, NEW"] });
  });

  test("tell triggers and entry in place, and a command with a restart", () => {
    const on_fail = { action: "stop", call: ["all"] } as const;
    const command = { program: "sleep", words: ["1"], readyAfterMs: 500 };

    expect(
      differenceOf(task("a"), task("a", { entry: "on_update", triggers: { on_fail: { ...on_fail, call: ["all"] } } })),
    ).toEqual({ effect: "in-place", reasons: ["entry on_start -> on_update", "triggers on_fail"] });
    expect(differenceOf(task("a", { command }), task("a", { command: { ...command, words: ["2"] } }))).toEqual({
      effect: "restart",
      reasons: ["command"],
    });
  });

  test("differ with a restart in a part that nobody has thought of", () => {
    const strange = { ...task("ts001"), unheardOf: 1 };

    expect(differenceOf(task("ts001"), strange)).toEqual({ effect: "restart", reasons: ["unheard_of none -> 1"] });
  });
});

describe("two models of a context", () => {
  test("say which parts only a new start of the provider has", () => {
    const next: ContextConfig = {
      ...{ ...context, endpoints: { ...endpoints, publish: "tcp://127.0.0.1:3" }, strategy: "one_for_all" },
      logs: { ...context.logs, files: 9 },
    };

    expect(contextChanges(context, context)).toEqual([]);
    expect(contextChanges(context, next)).toEqual([
      { part: "FrontEndEndpoint, BackendEndpoint", effect: "next-start" },
      { part: "Logs", effect: "in-place" },
      { part: "strategy", effect: "in-place" },
    ]);
    expect(takenOver(context, next)).toEqual({ ...next, endpoints });
  });

  test("keep logs or no logs until a new start", () => {
    const next = { ...context, logs: { ...context.logs, totalMib: 0 } };

    expect(contextChanges(context, next)).toEqual([{ part: "Logs", effect: "next-start" }]);
    expect(takenOver(context, next)).toEqual(context);
  });
});
