// What an old client, which knows the original's protocol and nothing of ours, says and hears.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/protocol/json.ts";
import {
  asParsed,
  CONTEXT_ID,
  entryOf,
  listOf,
  recordsIn,
  serviceNameOf,
  type Talk,
  type Task,
  talkAbout,
} from "../support/original.ts";
import { type LogLine, startProvider } from "../support/provider.ts";
import { connectPythonClient, type Heard, type PythonClient } from "../support/python-client.ts";

const OLD_CLIENTS = new URL("../fixtures/contexts/old-clients.xml", import.meta.url);

const steady: Task = { id: "ts001", instance: "Steady" };
const second: Task = { id: "ts002", instance: "Steady" };
const third: Task = { id: "ts003", instance: "Steady" };
const onDemand: Task = { ...second, entry: "on_update" };

let provider: Awaited<ReturnType<typeof startProvider>>;
let client: PythonClient;
const talk = () => talkAbout(client);

beforeAll(async () => {
  provider = await startProvider(OLD_CLIENTS);
  client = await connectPythonClient(provider.endpoints);
});
afterAll(async () => {
  await client?.[Symbol.asyncDispose]();
  await provider?.close();
});

// --- what was said -----------------------------------------------------------------------------------------------------

/** One line per message, as the remarks of the original's traces have them. */
function line({ topic, action, serviceId, status, header }: Heard): string {
  if (topic === "process") return `process ${action} ${serviceId}`;
  if (status.device_action === "context_info") return "context_info";
  return header.service_name === "context" ? `${topic} ${action}` : `${topic} ${action} ${serviceId}`;
}

function isNoContextInfo(said: string): boolean {
  return said !== "context_info";
}

function isContextInfo({ status }: Heard): boolean {
  return status.device_action === "context_info";
}

/** Whether it is a `context_info` that shows the task so. */
function shows(serviceId: string, expected: JsonObject): (heard: Heard) => boolean {
  return (heard) =>
    isContextInfo(heard) &&
    recordsIn(heard).some(
      (record) =>
        record.service_id === serviceId && Object.entries(expected).every(([name, value]) => record[name] === value),
    );
}

function pidOf({ status }: Heard): number {
  return status.pid as number;
}

/** The fields that the original sends, without those we add to a header. */
function withoutMarks({ incarnation, sequence, ...header }: JsonObject): JsonObject {
  expect([typeof incarnation, typeof sequence]).toEqual(["string", "number"]);
  return header;
}

function isRunning(pid: number): boolean {
  return provider.processes().includes(pid);
}

// --- commands ------------------------------------------------------------------------------------------------------------

describe("start", () => {
  test("the messages about one task come in the original's order, from its start to its end", async () => {
    const about = talk();

    const [started] = await about.start(steady);
    await about.hears({ where: shows("ts001", { action: "started", state: "success" }) });
    about.command({ action: "stop" }, listOf([steady], { action: "stop", transaction: about.transaction }));
    await about.hears({ action: "ended" });

    const lines = about.heard.map(line);
    expect(lines.filter(isNoContextInfo)).toEqual([
      "context start",
      "process start ts001",
      "control started ts001",
      "context stop",
      "process stop ts001",
      "control stopped ts001",
      "control ended",
    ]);
    expect(lines.indexOf("context_info")).toBe(1);
    const shown = about.heard
      .filter(isContextInfo)
      .map((info) => recordsIn(info).map(({ action, pid }) => [action, pid]));
    expect(shown[0]).toEqual([]);
    expect(shown).toContainEqual([["started", pidOf(started as Heard)]]);
    expect(shown.at(-1)).toEqual([["stopped", pidOf(started as Heard)]]);
    expect(about.heard.every(({ isOriginalStyle }) => isOriginalStyle)).toBe(true);
  });

  test("an announcement and a command to a task have the original's fields", async () => {
    await using about = talk();
    const { transaction } = about;

    const [started] = await about.start(steady);

    const command = await about.hears({ topic: "process", action: "start" });
    expect(withoutMarks(command.header)).toEqual({
      action: "start",
      service_id: "ts001",
      service_name: "name_ts001",
      transaction,
    });
    expect({ ...command.body, Task: undefined }).toEqual({
      Task: undefined,
      id: "ts001",
      instance: "Steady",
      serviceType: "Process",
      topic: "process",
    });
    expect(command.body).toEqual(entryOf(steady, command.header));
    expect(started?.body).toEqual({
      content: { status: { device_action: "da_ts001", pid: expect.any(Number), result: "success" } },
      header: started?.header,
    });
    expect(withoutMarks(started?.header ?? {})).toEqual({
      action: "started",
      service_id: "ts001",
      service_name: "name_ts001",
      service_transaction: transaction,
    });
  });

  test("a start is answered with a context_info that repeats the request id", async () => {
    await using about = talk();
    const { transaction } = about;
    const { publish, subscribe } = provider.endpoints;

    const answer = await about.ask({ action: "start" }, listOf([steady], { action: "start", transaction }));

    expect(withoutMarks(answer.header)).toEqual({
      action: "update",
      request_id: answer.header.request_id,
      service_id: CONTEXT_ID,
      service_name: "context",
      service_transaction: transaction,
    });
    expect(answer.status).toMatchObject({ device_action: "context_info", result: "success" });
    expect(answer.status.data).toContainEqual({
      [transaction]: {
        configuration: {
          BackendBind: subscribe,
          BackendEndpoint: publish,
          FrontBind: publish,
          FrontEndEndpoint: subscribe,
        },
        contextId: CONTEXT_ID,
        contextLogName: "OldClients",
        contextName: "context",
        tasks: [],
      },
    });
  });

  test("a start in the file's own form, its one task an object, fills in the task's id and transaction", async () => {
    await using about = talk();

    about.command({ action: "start", service_id: "none" }, asParsed([steady]));

    await about.hears({ action: "started", serviceId: "ts001" });
    const { header } = await about.hears({ topic: "process", action: "start" });
    expect(withoutMarks(header)).toEqual({
      action: "start",
      service_id: "ts001",
      service_name: "name_ts001",
      transaction: about.transaction,
    });
  });

  test.for([
    ["no configuration at all", undefined],
    ["an empty configuration", {}],
  ] as const)("a start with %s runs the provider's own file", async ([, configuration]) => {
    await using about = talk();

    about.command({ action: "start" }, configuration);

    await about.hears({ action: "started", serviceId: "own001" });
    await about.hears({ action: "created", serviceId: "own002" });
  });

  test("a second start of a task that runs is refused with a reason and a code", async () => {
    await using about = talk();
    await about.start(steady);

    const answer = await about.ask(
      { action: "start" },
      listOf([second, steady], { action: "start", transaction: about.transaction }),
    );

    expect(answer.header).toMatchObject({ action: "refused", service_id: CONTEXT_ID, service_name: "context" });
    expect(answer.body.content).toEqual({
      status: {
        code: "ERR_TASK_ALIVE",
        device_action: "",
        reason: expect.stringContaining("ts001 is running"),
        result: "failure",
      },
    });
    const reply = await about.request();
    expect((reply.body.content as JsonObject).tasks).toMatchObject([{ service_id: "ts001" }]);
  });

  test("a task that was stopped can be started again, in a new process", async () => {
    await using about = talk();
    const [first] = await about.start(steady);
    await about.end();
    const ended = await about.hears({ action: "ended" });

    await about.start(steady);

    const again = await about.hears({ action: "started", after: ended });
    expect(pidOf(again)).not.toBe(pidOf(first as Heard));
  });

  test("a start that brings a location the provider's file does not name is refused", async () => {
    const about = talk();
    const stranger = { ...steady, configuration: { location: "/opt/zmicroservices/Services" } };

    const answer = await about.ask(
      { action: "start" },
      listOf([stranger], { action: "start", transaction: about.transaction }),
    );

    expect(answer.action).toBe("refused");
    expect(answer.status).toMatchObject({ code: "ERR_LOCATION_FORBIDDEN" });
  });

  test("a task whose code is nowhere announces that it failed, and why", async () => {
    await using about = talk();

    about.command(
      { action: "start" },
      listOf([steady, { ...second, instance: "NoSuchService" }], { action: "start", transaction: about.transaction }),
    );

    const failed = await about.hears({ topic: "control", action: "failed", serviceId: "ts002" });
    expect(failed.status).toEqual({
      device_action: "da_ts002",
      reason: expect.stringContaining("NoSuchService"),
      result: "failure",
    });
    await about.hears({ action: "started", serviceId: "ts001" });
  });

  test("the same ids in two transactions are different tasks", async () => {
    const restarts: Task = { ...steady, triggers: { on_update: ["restart", "ts002"] } };
    await using one = talk();
    await using other = talk();
    await one.start(restarts, second);
    await other.start(steady, second);
    const [, stays] = await Promise.all(
      [second, second].map(() => other.hears({ action: "started", serviceId: "ts002" })),
    );

    one.announce(steady, "updated");
    await one.hears({ topic: "process", action: "restart", serviceId: "ts002" });
    other.announce(steady, "updated");
    await one.end();

    const { tasks } = (await other.request()).body.content as JsonObject;
    expect(tasks).toMatchObject([
      { service_id: "ts001", runs: 1 },
      { service_id: "ts002", runs: 1, pid: pidOf(stays as Heard) },
    ]);
    expect(isRunning(pidOf(stays as Heard))).toBe(true);
    expect(other.heard.map(line)).not.toContain("process restart ts002");
  });
});

describe("stop", () => {
  test.for([
    ["a list of entries", (transaction: string) => listOf([second], { action: "stop", transaction })],
    ["a list of bare ids", () => ({ TaskService: [{ id: "ts002" }] })],
    ["one entry, not in a list", () => asParsed([second])],
  ] as const)("a stop that names a task in %s stops that one only", async ([, configuration]) => {
    await using about = talk();
    const [first] = await about.start(steady, second);

    about.command({ action: "stop" }, configuration(about.transaction) as JsonObject);

    const stopped = await about.hears({ action: "stopped", serviceId: "ts002" });
    expect(stopped.status).toEqual({ device_action: "da_ts002", pid: expect.any(Number), result: "success" });
    await about.hears({ where: shows("ts002", { action: "stopped", lifecycle: "stopped" }) });
    expect(isRunning(pidOf(stopped))).toBe(false);
    expect(isRunning(pidOf(first as Heard))).toBe(true);
    expect(about.heard.map(line)).not.toContain("process stop ts001");
  });

  test.for([
    ["the context id", CONTEXT_ID],
    ["the word none for the context id", "none"],
    ["no context id", ""],
  ])("a stop with %s and no configuration stops all, a task on demand included", async ([, serviceId = ""]) => {
    const about = talk();
    await about.start(steady, onDemand, third);

    about.command({ action: "stop", service_id: serviceId });

    await about.hears({ action: "ended" });
    const stopped = about.heard.filter(({ action, topic }) => topic === "control" && action === "stopped");
    expect(stopped.map((message) => message.serviceId).sort()).toEqual(["ts001", "ts002", "ts003"]);
    expect(stopped.filter(({ status }) => isRunning(status.pid as number))).toEqual([]);
  });

  test("a stop with another context id is refused", async () => {
    await using about = talk();
    const [started] = await about.start(steady);

    const answer = await about.ask({ action: "stop", service_id: "context002" });

    expect(answer.action).toBe("refused");
    expect(answer.status).toMatchObject({
      code: "ERR_CONTEXT_MISMATCH",
      reason: expect.stringContaining("context002"),
    });
    expect(isRunning(pidOf(started as Heard))).toBe(true);
  });

  test("a stop for an unknown transaction is refused, where everybody can hear it", async () => {
    const about = talk();

    about.command({ action: "stop" });

    const answer = await about.hears({ topic: "control", action: "refused" });
    expect(answer.header).toMatchObject({ service_name: "context", service_transaction: about.transaction });
    expect(answer.status).toEqual({
      code: "ERR_TRANSACTION_UNKNOWN",
      device_action: "",
      reason: expect.stringContaining(about.transaction),
      result: "failure",
    });
  });

  test("a stop that names an unknown task is refused, and stops nothing", async () => {
    await using about = talk();
    const [started] = await about.start(steady);

    const answer = await about.ask({ action: "stop" }, { TaskService: [{ id: "ts001" }, { id: "ts009" }] });

    expect(answer.status).toMatchObject({ code: "ERR_TASK_UNKNOWN", reason: expect.stringContaining("ts009") });
    expect(isRunning(pidOf(started as Heard))).toBe(true);
  });

  test("an operator's stop is no natural end: it fires no on_exit", async () => {
    const about = talk();
    await about.start({ ...steady, triggers: { on_exit: ["start", "ts002"] } }, onDemand);

    await about.end();

    expect(about.heard.map(line)).not.toContain("process start ts002");
  });
});

describe("restart", () => {
  test.for([
    ["a list", (transaction: string) => listOf([steady], { action: "restart", transaction })],
    ["an object, the file having one task", () => asParsed([steady])],
    ["no configuration", () => undefined],
  ] as const)("a restart with %s ends the process before it starts another", async ([, configuration]) => {
    await using about = talk();
    const [before] = await about.start(steady);

    const answer = await about.ask({ action: "restart" }, configuration(about.transaction));

    const after = await about.hears({ action: "started", serviceId: "ts001", after: answer });
    const said = about.heard.filter(({ index }) => index > answer.index && index <= after.index);
    expect(said.map(line).filter(isNoContextInfo)).toEqual([
      "process stop ts001",
      "control stopped ts001",
      "process start ts001",
      "control started ts001",
    ]);
    expect(isRunning(pidOf(before as Heard))).toBe(false);
    expect(isRunning(pidOf(after))).toBe(true);
  });

  test("a restart of an unknown transaction starts it", async () => {
    await using about = talk();

    about.command({ action: "restart" }, listOf([steady], { action: "restart", transaction: about.transaction }));

    await about.hears({ action: "started", serviceId: "ts001" });
  });
});

describe("exit", () => {
  test("an exit stops each task of every transaction once, and ends the provider with code 0", async () => {
    await using leaving = await startProvider(OLD_CLIENTS);
    await using peer = await connectPythonClient(leaving.endpoints);
    const transactions = [talkAbout(peer), talkAbout(peer)] as const;
    await Promise.all(transactions.map((about) => about.start(steady, onDemand)));

    transactions[0].command({ action: "exit" });

    const ofTs001 = { action: "stopped", serviceId: "ts001" };
    await Promise.all(transactions.map((about) => about.hears(ofTs001)));
    const last = await peer.heard.first(({ action, serviceId }) => action === "exited" && serviceId === CONTEXT_ID);
    expect(last.status).toEqual({ device_action: "", result: "success" });
    expect(await leaving.exit).toEqual({ code: 0, signal: null });
    for (const about of transactions)
      expect(about.heard.map(line).filter((said) => said.startsWith("process stop"))).toEqual(["process stop ts001"]);
    expect(leaving.processes()).toEqual([]);
  });
});

describe("refusals", () => {
  test("a command on a topic that only begins like ours is nobody's business", async () => {
    await using about = talk();
    await about.start(steady);

    client.say("processes", entryOf(steady, { action: "stop", service_id: "ts001", transaction: about.transaction }));

    await about.request();
    expect(about.heard.map(line)).not.toContain("control refused");
  });

  test("a command with an unknown action is refused", async () => {
    const answer = await talk().ask({ action: "pause" });

    expect(answer.action).toBe("refused");
    expect(answer.status).toMatchObject({ code: "ERR_MESSAGE_UNKNOWN", reason: expect.stringContaining("pause") });
  });

  test.for(["service_transaction", "service_name", "action"])(
    "a command without header.%s is refused to whoever gave a request id",
    async (field) => {
      const header = {
        action: "start",
        request_id: `without-${field}`,
        service_id: CONTEXT_ID,
        service_name: "context",
        service_transaction: "T1",
        [field]: undefined,
      };

      client.say("context", { content: {}, header });

      const answer = await client.heard.first(
        ({ topic, header }) => topic === "control" && header.request_id === `without-${field}`,
      );
      expect(answer.action).toBe("refused");
      expect(answer.status).toMatchObject({
        code: "ERR_MESSAGE_MALFORMED",
        reason: expect.stringContaining(`header.${field}`),
        result: "failure",
      });
    },
  );
});

// --- queries -------------------------------------------------------------------------------------------------------------

describe("state", () => {
  test("a request is answered with the record of the transaction, under its own header", async () => {
    await using about = talk();
    const [started] = await about.start(steady, onDemand);

    const reply = await about.request("request", { asked_by: "an old dashboard", priority: 7 });

    expect(withoutMarks(reply.header)).toEqual({
      action: "reply_context",
      asked_by: "an old dashboard",
      priority: 7,
      request_id: reply.header.request_id,
      service_id: "",
      service_name: "state",
      service_transaction: about.transaction,
    });
    expect(reply.body.content).toMatchObject({
      configuration: { BackendEndpoint: provider.endpoints.publish, FrontEndEndpoint: provider.endpoints.subscribe },
      contextId: CONTEXT_ID,
      contextLogName: "OldClients",
      contextName: "context",
      tasks: [
        {
          action: "started",
          instance: "Steady",
          pid: pidOf(started as Heard),
          serviceName: "name_ts001",
          service_id: "ts001",
          state: "success",
          task: entryOf(steady, { action: "start", service_id: "ts001", transaction: about.transaction }),
        },
        { action: "created", instance: "Steady", pid: null, service_id: "ts002", state: "success" },
      ],
    });
    expect(reply.isOriginalStyle).toBe(true);
  });

  test.for(["request", "top"] as const)(
    "a %s about an unknown transaction is answered with an error",
    async (action) => {
      const about = talk();

      const reply = await about.request(action);

      expect(reply.header).toMatchObject({ service_name: "state", service_transaction: about.transaction });
      expect(reply.body.content).toEqual({
        error: {
          code: "ERR_TRANSACTION_UNKNOWN",
          ended: expect.any(Array),
          file: {
            path: expect.stringMatching(/\.xml$/),
            first: expect.any(Object),
            now: expect.any(Object),
            mounts: expect.any(String),
          },
          reason: expect.stringContaining(about.transaction),
          running: expect.any(Array),
        },
      });
    },
  );

  test("a top is answered with the figures of each task that runs", async () => {
    await using about = talk();
    const [started] = await about.start(steady, onDemand);

    const reply = await about.request("top", {}, { memory_maps: false, open_connections: false, opened_files: false });

    const size = {
      cpu_percent: expect.any(Number),
      percent: expect.any(Number),
      rss: expect.any(Number),
      vms: expect.any(Number),
    };
    expect(reply.body.content).toMatchObject([
      {
        instance: "Steady",
        memory: {
          ...size,
          children: [],
          elapsed: expect.any(Number),
          serviceId: "",
          status: expect.stringMatching(/^(sleeping|running)$/),
          timestamp: expect.any(Number),
          total: size,
        },
        pid: pidOf(started as Heard),
        serviceName: "name_ts001",
        service_id: "ts001",
      },
    ]);
    expect(reply.isOriginalStyle).toBe(true);
  });
});

describe("monitor", () => {
  test("the figures of each transaction are published on one line, in MiB", async () => {
    await using about = talk();
    await using other = talk();
    const withChild: Task = { id: "ts003", instance: "HasChild" };
    const [started] = await about.start(steady, onDemand, withChild);
    await other.start(steady);
    const { status } = await about.hears({ action: "updated", serviceId: "ts003" });

    const lastSaid = (tasks: JsonObject[]) => tasks.map(({ action }) => action).join();
    const frame = await figuresOf(about.transaction, (tasks) => lastSaid(tasks) === "started,updated");
    await figuresOf(other.transaction, (tasks) => tasks.length === 1);

    const [figures, parent] = frame.body[about.transaction] as JsonObject[];
    const size = {
      cpu_percent: expect.any(Number),
      percent: expect.any(Number),
      rss: expect.any(Number),
      vms: expect.any(Number),
    };
    expect(figures).toMatchObject({
      ...size,
      action: "started",
      children: [],
      elapsed: expect.any(Number),
      pid: pidOf(started as Heard),
      serviceId: "ts001",
      state: "success",
      status: expect.stringMatching(/^(sleeping|running)$/),
      timestamp: expect.any(Number),
      // Its percentage is of the memory that is its own, where the process's is of the resident one.
      total: {
        ...{ cpu_percent: figures?.cpu_percent, percent: expect.any(Number), rss: figures?.rss, vms: figures?.vms },
        ...{ memory: expect.any(Number), memory_figure: expect.stringMatching(/^(pss|rss|mixed)$/) },
      },
    });
    expect(parent).toMatchObject({
      action: "updated",
      children: [{ ...size, create_time: expect.any(Number), pid: status.child, status: expect.any(String) }],
    });
    expect(parent).toSatisfy(({ rss, total }) => total.rss > rss);
    // A Node process has some dozens of MiB, which are some ten thousands of KiB.
    expect(figures?.rss).toBeGreaterThan(10);
    expect(figures?.rss).toBeLessThan(1_000);
    expect(frame.frames[0]?.toString("latin1")).toMatch(/^monitor @@@ \{"T\w+": \[\{"[^\n]*\}$/);
    expect(frame.isOriginalStyle).toBe(true);
  });

  function figuresOf(transaction: string, fits: (figures: JsonObject[]) => boolean): Promise<Heard> {
    return client.heard.first(
      ({ topic, body }) => topic === "monitor" && transaction in body && fits(body[transaction] as JsonObject[]),
      { what: `monitor of ${transaction}` },
    );
  }
});

// --- what follows from what ------------------------------------------------------------------------------------------------

describe("a task on demand", () => {
  test("is announced as created, and has neither pid nor process", async () => {
    await using about = talk();

    await about.start(steady, onDemand);

    const created = await about.hears({ topic: "control", action: "created", serviceId: "ts002" });
    expect(created.status).toEqual({ device_action: "da_ts002", result: "success" });
    await about.hears({ where: shows("ts002", { action: "created", state: "success", pid: null }) });
    expect(about.heard.map(line)).not.toContain("process start ts002");
  });

  test.for([
    [
      "start in the name of the context",
      (about: Talk) =>
        about.command({ action: "start" }, listOf([onDemand], { action: "start", transaction: about.transaction })),
    ],
    ["start on process", (about: Talk) => about.process(onDemand, "start")],
    ["restart on process", (about: Talk) => about.process(onDemand, "restart")],
  ] as const)("runs after a later %s", async ([, order]) => {
    await using about = talk();
    await about.start(steady, onDemand);
    await about.hears({ action: "created", serviceId: "ts002" });

    order(about);

    const started = await about.hears({ topic: "control", action: "started", serviceId: "ts002" });
    expect(isRunning(pidOf(started))).toBe(true);
  });
});

describe("a trigger", () => {
  test("of on_start starts a task when the first one has started", async () => {
    await using about = talk();

    await about.start({ ...steady, triggers: { on_start: ["start", "ts002"] } }, onDemand);

    const started = await about.hears({ topic: "control", action: "started", serviceId: "ts002" });
    expect(about.heard.filter(({ index }) => index <= started.index).map(line)).toContain("process start ts002");
  });

  test("of on_exit starts a task when the first one has ended by itself", async () => {
    await using about = talk();

    await about.start({ ...steady, instance: "EndsAtOnce", triggers: { on_exit: ["start", "ts002"] } }, onDemand);

    const started = await about.hears({ topic: "control", action: "started", serviceId: "ts002" });
    const before = about.heard.filter(({ index }) => index <= started.index).map(line);
    expect(before.filter((said) => said !== "context_info")).toEqual([
      "context start",
      "process start ts001",
      "control created ts002",
      "control started ts001",
      "control stopped ts001",
      "process start ts002",
      "control started ts002",
    ]);
  });

  test("of on_update fires once for each update", async () => {
    await using about = talk();
    const [first, before] = await about.start({ ...steady, triggers: { on_update: ["restart", "ts002"] } }, second);

    process.kill(pidOf(first as Heard), "SIGUSR2");
    const between = await about.hears({ action: "started", serviceId: "ts002", after: before as Heard });
    process.kill(pidOf(first as Heard), "SIGUSR2");
    await about.hears({ action: "started", serviceId: "ts002", after: between });
    await about.end();

    expect(about.heard.map(line).filter((said) => said === "process restart ts002")).toHaveLength(2);
  });

  test("of on_fail restarts a task that was killed; the provider says what became of it", async () => {
    await using about = talk();
    const [before] = await about.start({ ...steady, triggers: { on_fail: ["restart", "ts001"] } });

    process.kill(pidOf(before as Heard), "SIGKILL");

    const after = await about.hears({ action: "started", serviceId: "ts001", after: before as Heard });
    const between = about.heard.filter(({ index }) => index > (before as Heard).index && index <= after.index);
    expect(between.map(line).filter((said) => said !== "context_info")).toEqual([
      "control failed ts001",
      "process restart ts001",
      "process start ts001",
      "control started ts001",
    ]);
    expect(between.find(({ action }) => action === "failed")?.status).toEqual({
      device_action: "da_ts001",
      pid: pidOf(before as Heard),
      reason: "the process was ended by SIGKILL",
      result: "failure",
    });
    expect(pidOf(after)).not.toBe(pidOf(before as Heard));
  });

  test("of on_fail starts a task when the first one has thrown, and the reason travels", async () => {
    await using about = talk();

    await about.start({ ...steady, instance: "FailsWhenRun", triggers: { on_fail: ["start", "ts002"] } }, onDemand);

    await about.hears({ action: "started", serviceId: "ts002" });
    const failed = await about.hears({ action: "failed", serviceId: "ts001" });
    expect(failed.status).toMatchObject({ reason: "the pump is dry", result: "failure" });
  });

  test("of on_fail follows a start that failed, and the task is stopped", async () => {
    await using about = talk();

    about.command(
      { action: "start" },
      listOf([{ ...steady, instance: "FailsToLoad", triggers: { on_fail: ["start", "ts002"] } }, onDemand], {
        action: "start",
        transaction: about.transaction,
      }),
    );

    const unfit = await about.hears({ action: "started", serviceId: "ts001" });
    expect(unfit.status).toMatchObject({
      reason: expect.stringMatching(/does not load: no such pump, at \S+:\d+:\d+$/),
      result: "failure",
    });
    await about.hears({ topic: "process", action: "stop", serviceId: "ts001", after: unfit });
    await about.hears({ action: "started", serviceId: "ts002" });
    await about.end();
    expect(about.heard.map(line).filter((said) => said === "process start ts002")).toHaveLength(1);
  });

  test("may call two tasks", async () => {
    await using about = talk();

    await about.start({ ...steady, triggers: { on_start: ["start", "ts002,ts003"] } }, onDemand, {
      ...third,
      entry: "on_fail",
    });

    await about.hears({ action: "started", serviceId: "ts002" });
    await about.hears({ action: "started", serviceId: "ts003" });
  });

  test.for([CONTEXT_ID, "all"])("that calls %s reaches every task of the transaction", async (call) => {
    const about = talk();
    const [, , trigger] = await about.start(steady, second, { ...third, triggers: { on_update: ["stop", call] } });

    process.kill(pidOf(trigger as Heard), "SIGUSR2");

    await about.hears({ action: "ended" });
    const stops = about.heard.filter(({ topic, action }) => topic === "process" && action === "stop");
    expect(stops.map(({ serviceId }) => serviceId)).toEqual(["ts001", "ts002", "ts003"]);
  });

  test("with exit ends the transaction and leaves the provider alone", async () => {
    const about = talk();
    const [trigger] = await about.start({ ...steady, triggers: { on_update: ["exit", CONTEXT_ID] } }, second, {
      ...third,
      entry: "on_fail",
    });

    process.kill(pidOf(trigger as Heard), "SIGUSR2");

    await about.hears({ action: "ended" });
    const reply = await about.request();
    // It is shown as it ended, or not any more where another of this context has begun since.
    expect(JSON.stringify(reply.body.content)).toMatch(/"ended":"2|has ended/);
  });

  test("starts a task that was stopped before", async () => {
    await using about = talk();
    await about.start({ ...steady, triggers: { on_update: ["start", "ts002"] } }, second);
    about.process(second, "stop");
    const stopped = await about.hears({ where: shows("ts002", { lifecycle: "stopped" }) });

    about.announce(steady, "updated");

    await about.hears({ topic: "control", action: "started", serviceId: "ts002", after: stopped });
  });

  test("fires once however often its task was started", async () => {
    const about = talk();
    const trigger: Task = { ...steady, triggers: { on_update: ["restart", "ts002"] } };
    await about.start(trigger, second);
    await about.end();
    const ended = await about.hears({ action: "ended" });
    await about.start(trigger, second);
    const [first, before] = await Promise.all(
      ["ts001", "ts002"].map((serviceId) => about.hears({ action: "started", serviceId, after: ended })),
    );

    process.kill(pidOf(first as Heard), "SIGUSR2");
    await about.hears({ action: "started", serviceId: "ts002", after: before as Heard });
    await about.end();

    expect(about.heard.map(line).filter((said) => said === "process restart ts002")).toHaveLength(1);
  });
});

// --- old peers -------------------------------------------------------------------------------------------------------------

describe("a command on process", () => {
  test("is obeyed in the minimal form of old peers", async () => {
    await using about = talk();
    await about.start(steady, second);
    const header = {
      action: "stop",
      service_id: "ts002",
      service_name: "name_ts002",
      service_transaction: about.transaction,
    };

    client.say("process", { Task: { message: { header } }, header });

    await about.hears({ topic: "control", action: "stopped", serviceId: "ts002" });
    await about.hears({ where: shows("ts001", { action: "started" }) });
  });

  test("starts a task that was stopped before", async () => {
    await using about = talk();
    await about.start(steady, second);
    about.process(second, "stop");
    const stopped = await about.hears({ where: shows("ts002", { lifecycle: "stopped" }) });

    about.process(second, "start");

    await about.hears({ topic: "control", action: "started", serviceId: "ts002", after: stopped });
  });

  test("that starts a task which runs is refused", async () => {
    await using about = talk();
    await about.start(steady);

    about.process(steady, "start", { request_id: "again" });

    const answer = await about.hears({ topic: "control", requestId: "again" });
    expect(answer.action).toBe("refused");
    expect(answer.status).toMatchObject({ code: "ERR_TASK_ALIVE" });
  });

  test.for([
    ["one task", { service_name: "name_ts001" }],
    ["all tasks", { service_name: "all" }],
  ] as const)("for %s of a foreign transaction is refused, and stops nobody", async ([, name]) => {
    await using about = talk();
    const foreign = talk();
    const [started] = await about.start(steady);

    const { transaction } = foreign;
    const header = { action: "stop", request_id: transaction, service_id: "ts001", transaction, ...name };
    client.say("process", { Task: { message: { header } } });

    const answer = await foreign.hears({ topic: "control", requestId: transaction });
    expect(answer.action).toBe("refused");
    expect(answer.status).toMatchObject({ code: "ERR_TRANSACTION_UNKNOWN" });
    expect(isRunning(pidOf(started as Heard))).toBe(true);
    expect(about.heard.map(line)).not.toContain("process stop ts001");
  });
});

describe("an announcement on control", () => {
  const trigger: Task = { ...steady, triggers: { on_update: ["restart", "ts002"] } };
  const restarts = (about: Talk) => about.heard.map(line).filter((said) => said === "process restart ts002");

  test("by an old peer in the name of a task counts as the task's own", async () => {
    await using about = talk();
    const [, before] = await about.start(trigger, second);

    about.announce(trigger, "updated", { tracks: ["a", "b"] });

    await about.hears({ topic: "control", action: "started", serviceId: "ts002", after: before as Heard });
    await about.hears({ where: shows("ts001", { action: "updated", state: "success" }) });
  });

  test("under the marks of one task in the name of another has no effect", async () => {
    const about = talk();
    const [speaker, , before] = await about.start(third, trigger, second);
    process.kill(pidOf(speaker as Heard), "SIGUSR2");
    const { body, header } = await about.hears({ action: "updated", serviceId: "ts003" });

    client.say("control", {
      ...body,
      header: { ...header, service_id: "ts001", service_name: serviceNameOf(trigger) },
    });

    await provider.log.first(
      ({ msg, claimed }) => msg === "announcement in the name of another" && claimed === "ts001",
    );
    about.announce(trigger, "updated");
    await about.hears({ topic: "control", action: "started", serviceId: "ts002", after: before as Heard });
    await about.end();
    expect(restarts(about)).toHaveLength(1);
  });

  test("that is heard a second time has no effect", async () => {
    const about = talk();
    const [first, before] = await about.start(trigger, second);
    process.kill(pidOf(first as Heard), "SIGUSR2");
    const { frames } = await about.hears({ action: "updated", serviceId: "ts001" });
    const between = await about.hears({ action: "started", serviceId: "ts002", after: before as Heard });

    client.send(...frames);
    about.announce(trigger, "updated");

    await about.hears({ topic: "control", action: "started", serviceId: "ts002", after: between });
    await about.end();
    expect(restarts(about)).toHaveLength(2);
  });
});

describe("text", () => {
  test("with the separator and with any script in it comes back as it was, in ASCII and with one separator", async () => {
    await using about = talk();
    const text = 'a @@@ b @@@@ "ö" 漢字 😀 \\u0040';

    const [started] = await about.start({ ...steady, configuration: { text } });
    process.kill(pidOf(started as Heard), "SIGUSR2");

    const updated = await about.hears({ action: "updated", serviceId: "ts001" });
    expect(updated.status.text).toBe(text);
    const reply = await about.request();
    expect(reply.body.content).toMatchObject({
      tasks: [{ task: { Task: { message: { content: { configuration: { text } } } } } }],
    });
    const bytes = about.heard
      .filter(({ header }) => "incarnation" in header)
      .map(({ frames }) => Buffer.concat(frames));
    expect(bytes.length).toBeGreaterThan(4);
    for (const frame of bytes) {
      expect(frame.every((byte) => byte < 0x80)).toBe(true);
      expect(frame.toString("latin1").split("@@@")).toHaveLength(2);
    }
  });
});

// --- input that nobody can use ---------------------------------------------------------------------------------------------

describe("bad input", () => {
  const header = { action: "start", service_id: CONTEXT_ID, service_name: "context", service_transaction: "T1" };
  const onContext = (payload: string) => [Buffer.from(`context @@@ ${payload}`)];
  const tenMebibytes = 10 * 2 ** 20;

  const kinds: [kind: string, frames: Buffer[], complaint: RegExp][] = [
    ["an empty frame", [Buffer.alloc(0)], /got ""/],
    ["a frame without a separator", [Buffer.from("context start, please")], /got "context start, please"/],
    ["a number instead of an object", onContext("42"), /an object in the message, got 42/],
    ["a list instead of an object", onContext('["start"]'), /an object in the message, got \["start"\]/],
    ["a null instead of an object", onContext("null"), /an object in the message, got null/],
    ["broken JSON", onContext('{"header": '), /not JSON/],
    ["no JSON at all", onContext(""), /not JSON/],
    [
      "bytes that are not UTF-8",
      [Buffer.concat([...onContext('{"a": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
      /not UTF-8/,
    ],
    ["a message without a header", onContext('{"content": {}}'), /an object in header, got nothing/],
    [
      "a field of the wrong type",
      onContext(JSON.stringify({ header: { ...header, action: 7 } })),
      /header.action, got 7/,
    ],
    ["content of the wrong type", onContext(JSON.stringify({ header, content: [] })), /an object in content, got \[\]/],
    [
      "an announcement without a status",
      [Buffer.from(`control @@@ ${JSON.stringify({ header })}`)],
      /content.status, got nothing/,
    ],
    [
      "a command to a task without a task",
      [Buffer.from(`process @@@ ${JSON.stringify({ header })}`)],
      /Task.message.header, got nothing/,
    ],
    ["a frame of 10 MiB", onContext(`"${"x".repeat(tenMebibytes)}"`), /frame of 10485\d+ bytes, the limit is/],
    ["ten thousand levels of nesting", onContext("[".repeat(10_000) + "]".repeat(10_000)), /nested deeper than 64/],
    ["a key that is __proto__", onContext('{"__proto__": {"action": "exit"}}'), /the key "__proto__" is not allowed/],
    ["an escaped __proto__", onContext('{"a": {"\\u005f_proto__": {}}}'), /the key "__proto__" is not allowed/],
    ["a message of two frames", [...onContext("{}"), Buffer.from("more")], /message of 2 frames/],
    [
      "a message of a thousand frames",
      Array<Buffer>(1_000).fill(onContext("{}")[0] as Buffer),
      /message of 1000 frames/,
    ],
  ];

  test.for(kinds)("%s is complained about, and the next command is answered", async ([kind, frames, complaint]) => {
    const about = talk();
    const from = provider.log.all.length;
    const isComplaint = ({ level, reason }: LogLine) => level === "warn" && complaint.test(String(reason));

    // Only so many lines of complaint a second: what came in a bad moment is counted and not told.
    do {
      client.send(...frames);
      expect((await about.request()).body.content, kind).toMatchObject({ error: { code: "ERR_TRANSACTION_UNKNOWN" } });
    } while (!provider.log.all.slice(from).some(isComplaint));

    expect(isRunning(provider.pid)).toBe(true);
  });

  test("a mistyped topic is named in the log, once, and the next command is answered", async () => {
    const about = talk();
    const isAboutIt = ({ msg, topic }: LogLine) => msg === "mistyped topic" && topic === "contxt";

    // Who looks at what nobody asked for looks at so much only: more passes unseen.
    do {
      client.say("contxt", { content: {}, header });
      await about.request();
    } while (!provider.log.all.some(isAboutIt));

    for (const _ of [1, 2]) client.say("contxt", { content: {}, header });
    await about.request();
    expect(provider.log.all.filter(isAboutIt)).toHaveLength(1);
    expect(isRunning(provider.pid)).toBe(true);
  });
});
