// Task services of the type Executable: any program, whether it has heard of zcontext or not.
import { chmod } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseContextConfig } from "../../src/config/context-config.ts";
import { formatTaskService } from "../../src/config/task-service.ts";
import { connectLink } from "../../src/link/link.ts";
import { sendOnce } from "../../src/link/one-shot.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { BOUND_MS } from "../support/bound.ts";
import { contextXml, type RunningContext, runContext, type TaskXml } from "../support/context.ts";
import { announced, listen } from "../support/link.ts";
import { findProcess, isLiving, leaveNoProcess, untilGone } from "../support/processes.ts";
import { blocksOf, readDocument } from "../support/readme.ts";

leaveNoProcess();

/** So long that a program which has started has said so itself. */
const NEVER_S = 86_400;
const ANNOUNCES = fileURLToPath(new URL("../fixtures/programs/announces.mjs", import.meta.url));

/** A task that runs this command, and counts as started at once. */
function program(id: string, command: string, but: Partial<TaskXml> = {}): TaskXml {
  return { id, instance: "Program", serviceType: "Executable", command, readyAfterS: 0, ...but };
}

interface Said {
  action: string;
  items?: JsonObject;
  header?: JsonObject;
}

/** A task that announces this, and nothing else. */
function speaker(id: string, says: readonly (Said | "wait" | "stay")[], but: Partial<TaskXml> = {}): TaskXml {
  const words = says.map((said) => (typeof said === "string" ? said : JSON.stringify(said)));
  return program(id, `'${process.execPath}' '${ANNOUNCES}'`, { arguments: words, readyAfterS: NEVER_S, ...but });
}

/** A task that waits for a trigger. */
function waiting(id: string): TaskXml {
  return program(id, "sleep 1000", { entry: "on_demand" });
}

function stateOf(records: readonly TaskRecord[], id = "ts_1"): string | undefined {
  return records.find(({ service_id }) => service_id === id)?.lifecycle;
}

function pidOf(records: readonly TaskRecord[], id = "ts_1"): number {
  return records.find(({ service_id }) => service_id === id)?.pid as number;
}

/** What was printed by a task. */
function outputOf({ log }: RunningContext, id: string, stream: "stdout" | "stderr"): unknown[] {
  return log.all
    .filter(({ phrase, task, ...line }) => phrase === "output" && task === id && line.stream === stream)
    .map(({ line }) => line);
}

/** Resolves when the task has printed this line. */
async function untilPrinted({ log }: RunningContext, id: string, line: string): Promise<void> {
  await log.first(({ phrase, task, ...said }) => phrase === "output" && task === id && said.line === line, {
    what: `"${line}" of ${id}`,
  });
}

/** How often this trigger of a task has fired. */
function firings({ log }: RunningContext, id: string, event: string): number {
  return log.all.filter(({ phrase, task }) => phrase === `trigger ${event}` && task === id).length;
}

/** Announcements about a task, without the items, once there are so many. */
async function saidAbout({ heard }: RunningContext, id: string, count: number): Promise<string[]> {
  const said = () => heard.all.filter(({ header }) => header.serviceId === id).map(({ header }) => header.action);
  await heard.first(() => said().length >= count, { what: `announcement ${count} of ${id}` });
  return said();
}

describe("a program that says nothing", () => {
  test("has started once it has lived long enough, which the provider says for it, and stops", async () => {
    await using context = await runContext([
      program("ts_1", "sh -c 'exec sleep 1000'", { readyAfterS: 0.1, triggers: { on_start: "start ts_2" } }),
      waiting("ts_2"),
    ]);
    await using commands = await listen(context.endpoints, "process");

    const pid = pidOf(await context.start("T1"));
    const started = await context.untilSaid("ts_1", "started");
    const process = await findProcess(pid);
    const next = await context.untilState("T1", "ts_2", "running");
    const gone = await context.stop("T1");

    expect(started.status).toEqual({ result: "success", device_action: "test", pid });
    expect(process?.command).toBe("sleep 1000");
    expect(firings(context, "ts_1", "on_start")).toBe(1);
    expect([stateOf(gone), stateOf(gone, "ts_2")]).toEqual(["stopped", "stopped"]);
    expect([await isLiving(pid), await isLiving(next.pid as number)]).toEqual([false, false]);
    expect(await saidAbout(context, "ts_1", 2)).toEqual(["started", "stopped"]);
    expect(commands.heard.all.filter(({ header }) => header.serviceId === "ts_1")).toMatchObject([
      { header: { action: "start" } },
      { header: { action: "stop" } },
    ]);
  });

  test("ends naturally with code 0, without ever having started when that comes first", async () => {
    await using context = await runContext([
      program("ts_1", "sh -c 'exit 0'", {
        readyAfterS: NEVER_S,
        triggers: { on_exit: "start ts_2", on_start: "start ts_3", on_fail: "start ts_3" },
      }),
      waiting("ts_2"),
      waiting("ts_3"),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");
    await context.untilState("T1", "ts_2", "running");
    await context.stop("T1");

    expect(await saidAbout(context, "ts_1", 1)).toEqual(["stopped"]);
    expect(["on_exit", "on_start", "on_fail"].map((event) => firings(context, "ts_1", event))).toEqual([1, 0, 0]);
  });

  test("has failed with any other code, also before it has started", async () => {
    await using context = await runContext([
      program("ts_1", "sh -c 'exit 3'", {
        readyAfterS: NEVER_S,
        triggers: { on_fail: "start ts_2", on_exit: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");
    await context.untilState("T1", "ts_2", "running");
    await context.stop("T1");

    expect(failed.reason).toMatch(/code 3$/);
    expect(await saidAbout(context, "ts_1", 1)).toEqual(["failed"]);
    expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_exit")]).toEqual([1, 0]);
  });

  test("has failed when it is killed", async () => {
    await using context = await runContext([program("ts_1", "sleep 1000")]);
    const pid = pidOf(await context.start("T1"));

    process.kill(pid, "SIGKILL");
    const failed = await context.untilState("T1", "ts_1", "failed");

    expect(failed.reason).toContain("SIGKILL");
  });

  test("is restarted under a new pid when the old one is gone", async () => {
    await using context = await runContext([program("ts_1", "sleep 1000")]);
    const before = pidOf(await context.start("T1"));

    const restarting = await context.client.command({ action: "restart", transaction: "T1" });
    const records = await restarting.settled(BOUND_MS);

    expect(stateOf(records)).toBe("running");
    expect([await isLiving(before), await isLiving(pidOf(records))]).toEqual([false, true]);
    expect(await saidAbout(context, "ts_1", 3)).toEqual(["started", "stopped", "started"]);
  });
});

describe("a program that can't be run has failed, and the reason says why", () => {
  test("when there is none on the PATH", async () => {
    await using context = await runContext([program("ts_1", "pyhton3 -V")]);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");

    expect(failed).toMatchObject({
      pid: null,
      reason: `ts_1: no program "pyhton3" on the provider's PATH`,
    });
    expect(await saidAbout(context, "ts_1", 1)).toEqual(["failed"]);
  });

  test("when it is not executable", async () => {
    await using context = await runContext([program("ts_1", "./tools/run.sh")]);
    const path = await context.folder.write("tools/run.sh", "#!/bin/sh\n");

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");

    expect(failed).toMatchObject({ pid: null, reason: `ts_1: ${path} is not executable; chmod +x it` });
  });

  test.each([
    ["#!/no/such/interpreter\n", 'wants the interpreter "/no/such/interpreter", which is not there'],
    ["#!/bin/sh\r\n", 'wants the interpreter "/bin/sh\\r", which is not there; the file has Windows line ends'],
  ])("when its interpreter is not there: %j", async (head, reason) => {
    await using context = await runContext([program("ts_1", "./run.sh")]);
    const path = await context.folder.write("run.sh", head);
    await chmod(path, 0o755);

    context.provider.start("T1");
    const failed = await context.untilState("T1", "ts_1", "failed");

    expect(failed).toMatchObject({ pid: null, reason: `ts_1: ${path} ${reason}` });
  });
});

describe("a program is given", () => {
  test("its words one by one, as the file has them", async () => {
    const words = ["two words", " ", "", `"it's"`, "$HOME * | > \\", "ü\n&<"];
    await using context = await runContext([
      program("ts_1", `sh -c 'for word; do echo "<$word>"; done' "not seen" 'a  b'`, { arguments: words }),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");

    expect(outputOf(context, "ts_1", "stdout").join("\n")).toBe(
      ["a  b", ...words].map((word) => `<${word}>`).join("\n"),
    );
  });

  test("its place on the bus and its names in its environment, beside the provider's own", async () => {
    const configuration = "<device_action>measure</device_action><hosts>a.local</hosts><text>ü @@@</text>";
    await using context = await runContext([
      program("ts_1", "sh -c 'env | grep ^ZCONTEXT_ | sort; echo PATH=$PATH'", { configuration }),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");

    // The environment of the test run may have others.
    const documented = new Set(readDocument("docs/protocol.md").match(/\bZCONTEXT_[A-Z_]+/g));
    const printed = outputOf(context, "ts_1", "stdout").filter((line) => {
      const [name = ""] = String(line).split("=");
      return documented.has(name) || name === "PATH";
    });
    expect(printed).toEqual([
      expect.stringMatching(/^ZCONTEXT_BUS_TOKEN=[0-9a-f]{64}$/),
      expect.stringMatching(/^ZCONTEXT_BUS_URL=ipc:\/\/.+\/broker$/),
      `ZCONTEXT_CONFIGURATION={"device_action":"measure","hosts":["a.local"],"text":"ü @@@"}`,
      "ZCONTEXT_CONTEXT_ID=context001",
      expect.stringMatching(/^ZCONTEXT_COOKIE=[0-9a-f]{32}:[0-9a-f-]{36}:[0-9a-f-]{36}$/),
      "ZCONTEXT_DEVICE_ACTION=measure",
      "ZCONTEXT_GRACE_S=10",
      expect.stringMatching(/^ZCONTEXT_INCARNATION=[0-9a-f-]{36}$/),
      "ZCONTEXT_INSTANCE=Program",
      `ZCONTEXT_PUBLISH=${context.endpoints.publish}`,
      "ZCONTEXT_SERVICE_ID=ts_1",
      "ZCONTEXT_SERVICE_NAME=service_ts_1",
      `ZCONTEXT_SUBSCRIBE=${context.endpoints.subscribe}`,
      "ZCONTEXT_TOPIC=process",
      "ZCONTEXT_TRANSACTION=T1",
      `PATH=${process.env.PATH}`,
    ]);
  });

  test("an empty input, and the folder of the context file to run in, from which it is found", async () => {
    await using context = await runContext([program("ts_1", "tools/run.sh")]);
    await chmod(await context.folder.write("tools/run.sh", "#!/bin/sh\ncat; pwd; echo beside it >&2\n"), 0o755);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");

    expect(outputOf(context, "ts_1", "stdout")).toEqual([context.folder.path]);
    expect(outputOf(context, "ts_1", "stderr")).toEqual(["beside it"]);
  });
});

describe("a stop of a program", () => {
  test("asks it once, and kills it after its grace when it does not listen", async () => {
    const deaf = `trap 'echo asked' TERM; echo ready; while :; do sleep 1000 & wait; done`;
    await using context = await runContext([program("ts_1", `sh -c "${deaf}"`)], { supervision: { grace_s: 1 } });
    const pid = pidOf(await context.start("T1"));
    await untilPrinted(context, "ts_1", "ready");

    const gone = await context.stop("T1");

    expect(stateOf(gone)).toBe("stopped");
    expect(await isLiving(pid)).toBe(false);
    expect(outputOf(context, "ts_1", "stdout")).toEqual(["ready", "asked"]);
  });

  test("lets it end in order, with whatever code", async () => {
    await using context = await runContext([
      program("ts_1", `sh -c 'trap "echo ending; exit 7" TERM; echo ready; while :; do sleep 1000 & wait; done'`, {
        triggers: { on_fail: "start ts_2", on_exit: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);
    await context.start("T1");
    await untilPrinted(context, "ts_1", "ready");

    const gone = await context.stop("T1", "ts_1");

    expect(stateOf(gone)).toBe("stopped");
    expect(outputOf(context, "ts_1", "stdout")).toEqual(["ready", "ending"]);
    expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_exit")]).toEqual([0, 0]);
  });

  test("that comes while it starts is carried out as well", async () => {
    await using context = await runContext([
      program("ts_1", "sh -c 'echo $$; exec sleep 1000'", { readyAfterS: NEVER_S }),
    ]);
    context.provider.start("T1");
    const { line } = await context.log.first(({ phrase }) => phrase === "output");

    const gone = await context.stop("T1");

    expect(stateOf(gone)).toBe("stopped");
    expect(await isLiving(Number(line))).toBe(false);
    expect(await saidAbout(context, "ts_1", 1)).toEqual(["stopped"]);
  });

  test("ends all that it has started", async () => {
    const supervision = { grace_s: 0.5 };
    await using context = await runContext(
      [program("ts_1", `sh -c '(trap "" TERM; echo ready; exec sleep 1000) & exec sleep 1000'`)],
      { supervision },
    );
    const pid = pidOf(await context.start("T1"));
    await untilPrinted(context, "ts_1", "ready");

    await context.stop("T1");

    expect(await isLiving(pid)).toBe(false); // and `leaveNoProcess` sees to the other
  });
});

test("what a program leaves behind when it ends by itself is ended with it", async () => {
  await using context = await runContext([program("ts_1", "sh -c 'sleep 1000 & echo $!'")]);

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "exited");

  await untilGone(Number(outputOf(context, "ts_1", "stdout")[0]));
});

describe("a program that speaks", () => {
  test("has started when it says so, and its announcements fire triggers, each once", async () => {
    const failure = { action: "failed", items: { result: "failure", reason: "the probe is loose" } };
    await using context = await runContext([
      speaker("ts_1", [{ action: "started" }, { action: "updated", items: { celsius: 21 } }, failure, "stay"], {
        triggers: { on_start: "start ts_2", on_update: "start ts_2", on_fail: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);

    const pid = pidOf(await context.start("T1"));
    await untilPrinted(context, "ts_1", "waiting for SIGTERM");
    await context.log.first(({ phrase }) => phrase === "trigger on_fail");
    await context.stop("T1");

    expect(await saidAbout(context, "ts_1", 4)).toEqual(["started", "updated", "failed", "stopped"]);
    const [started] = context.heard.all.filter(({ header }) => header.action === "started");
    expect(started).toMatchObject({ status: { pid }, header: { sequence: 1 } });
    expect(["on_start", "on_update", "on_fail"].map((event) => firings(context, "ts_1", event))).toEqual([1, 1, 1]);
  });

  test("after it has counted as started already does not start a second time", async () => {
    await using context = await runContext([
      speaker("ts_1", ["wait", { action: "started" }, { action: "updated" }, "stay"], {
        readyAfterS: 0,
        triggers: { on_start: "start ts_2", on_update: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);

    const pid = pidOf(await context.start("T1"));
    await untilPrinted(context, "ts_1", "waiting for SIGUSR2");
    process.kill(pid, "SIGUSR2");
    await context.log.first(({ phrase }) => phrase === "trigger on_update");
    await context.stop("T1");

    expect(await saidAbout(context, "ts_1", 4)).toEqual(["started", "started", "updated", "stopped"]);
    expect(firings(context, "ts_1", "on_start")).toBe(1);
  });

  test("is heard at once though the bus has lost something, and once though it repeats itself", async () => {
    const update = (sequence: number) => ({ action: "updated", header: { sequence } });
    await using context = await runContext([
      speaker("ts_1", [{ action: "started" }, update(5), update(5), update(3), update(6), "stay"], {
        triggers: { on_update: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);

    await context.start("T1");
    await context.heard.first(({ header }) => header.serviceId === "ts_1" && header.sequence === 6);
    await context.stop("T1");

    expect(firings(context, "ts_1", "on_update")).toBe(2);
  });

  test("is heard without an incarnation as well", async () => {
    const header = { incarnation: null, sequence: null };
    await using context = await runContext([
      speaker("ts_1", [{ action: "started", header }, { action: "updated", header }, "stay"], {
        triggers: { on_update: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);

    const records = await context.start("T1");
    await context.untilState("T1", "ts_2", "running");

    expect(stateOf(records)).toBe("running");
    await context.stop("T1");
  });

  test("is heard to its last word, said just before its end", async () => {
    await using context = await runContext([
      speaker("ts_1", [{ action: "started" }, { action: "updated" }], { triggers: { on_update: "start ts_2" } }),
      waiting("ts_2"),
    ]);

    context.provider.start("T1");
    await context.untilState("T1", "ts_1", "exited");
    await context.untilState("T1", "ts_2", "running");
    await context.stop("T1");

    expect(firings(context, "ts_1", "on_update")).toBe(1);
  });

  test("in the name of a run that is over is not heard", async () => {
    await using context = await runContext([
      speaker("ts_1", [{ action: "started" }, "stay"], {
        triggers: { on_fail: "start ts_2", on_update: "start ts_2" },
      }),
      waiting("ts_2"),
    ]);
    await context.start("T1");
    const { header } = await context.untilSaid("ts_1", "started");
    await (await context.client.command({ action: "restart", transaction: "T1" })).settled(BOUND_MS);
    await using late = await connectLink(context.endpoints, {
      topics: [],
      incarnation: header.incarnation as string,
      onFrame() {},
    });
    await using other = await connectLink(context.endpoints, { topics: [], onFrame() {} });

    late.publish(announced("ts_1", "failed", { result: "failure" }));
    await context.heard.first(({ header }) => header.action === "failed");
    other.publish(announced("ts_1", "updated"));
    await context.untilState("T1", "ts_2", "running");

    expect(stateOf(await context.client.state("T1"))).toBe("running");
    expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_update")]).toEqual([0, 1]);
    await context.stop("T1");
  });
});

test("what says something once, without numbers, is heard for its run alone", async () => {
  await using context = await runContext([
    speaker("ts_1", [{ action: "started" }, "stay"], { triggers: { on_fail: "start ts_2", on_update: "start ts_2" } }),
    waiting("ts_2"),
  ]);
  await context.start("T1");
  const say = async (of: { header: { incarnation?: string | undefined } }, action: string) => {
    const { topic, body } = announced("ts_1", action);
    const header = { ...(body as { header: JsonObject }).header, incarnation: of.header.incarnation as string };
    await sendOnce(
      context.endpoints.publish,
      { topic, body: { ...(body as JsonObject), header } },
      { timeoutMs: BOUND_MS },
    );
  };
  const first = await context.untilSaid("ts_1", "started");
  await (await context.client.command({ action: "restart", transaction: "T1" })).settled(BOUND_MS);
  const second = context.heard.all.findLast(({ header }) => header.action === "started" && header.serviceId === "ts_1");

  await say(first, "failed");
  await context.heard.first(({ header }) => header.action === "failed");
  await say(second as typeof first, "updated");
  await context.untilState("T1", "ts_2", "running");

  expect([firings(context, "ts_1", "on_fail"), firings(context, "ts_1", "on_update")]).toEqual([0, 1]);
  await context.stop("T1");
});

test("the task in Python of the documentation announces, and ends when it is done", async () => {
  const [, task] = blocksOf(readDocument("docs/protocol.md")).filter(({ language }) => language === "python");
  await using context = await runContext([
    program("ts_1", "python3 task.py", {
      readyAfterS: NEVER_S,
      configuration: "<device_action>count</device_action><interval_s>0.01</interval_s>",
    }),
  ]);
  await context.folder.write("task.py", (task?.lines ?? []).join("\n"));

  context.provider.start("T1");
  await context.untilState("T1", "ts_1", "exited");

  expect(outputOf(context, "ts_1", "stderr")).toEqual([]);
  expect(await saidAbout(context, "ts_1", 5)).toEqual(["started", "updated", "updated", "updated", "stopped"]);
  const updates = context.heard.all.filter(({ header }) => header.action === "updated");
  expect(updates).toMatchObject([0, 1, 2].map((count) => ({ status: { count, device_action: "count" } })));
});

describe("a message", () => {
  const own = program("ts_1", "sleep 1000");
  const bodyOf = (task: TaskXml): JsonObject => {
    const [config] = parseContextConfig(contextXml([task])).tasks;
    return { ...formatTaskService(config as NonNullable<typeof config>, { action: "start" }) };
  };

  test.each(["start", "restart"] as const)("that brings a command of its own to %s is refused", async (action) => {
    await using context = await runContext([own]);

    const commanding = context.client.command({
      action,
      transaction: "T1",
      configuration: { TaskService: [bodyOf(program("ts_1", "sleep 1001"))] },
    });

    await expect(commanding).rejects.toMatchObject({
      code: "ERR_LOCATION_FORBIDDEN",
      message: expect.stringContaining("sleep 1001"),
    });
    expect(context.provider.living()).toEqual([]);
  });

  test("that brings a command of the provider's own file is obeyed", async () => {
    await using context = await runContext([own]);

    const commanding = await context.client.command({
      action: "start",
      transaction: "T1",
      configuration: { TaskService: [bodyOf(program("ts_7", "sleep 1000"))] },
    });
    const records = await commanding.settled(BOUND_MS);

    expect(stateOf(records, "ts_7")).toBe("running");
    await context.stop("T1");
  });
});
