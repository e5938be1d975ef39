// What an old client, which knows the original's protocol and nothing of ours, says and hears.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/protocol/json.ts";
import { asParsed, CONTEXT_ID, entryOf, listOf, recordsIn, serviceNameOf, type Task, talkAbout } from "../support/original.ts";
import { startProvider } from "../support/provider.ts";
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

function isContextInfo({ status }: Heard): boolean {
  return status.device_action === "context_info";
}

/** Whether it is a `context_info` that shows the task so. */
function shows(serviceId: string, expected: JsonObject): (heard: Heard) => boolean {
  return (heard) =>
    isContextInfo(heard) &&
    recordsIn(heard).some(
      (record) =>
        record.service_id === serviceId &&
        Object.entries(expected).every(([name, value]) => record[name] === value),
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
    expect(lines.filter((said) => said !== "context_info")).toEqual([
      "context start",
      "process start ts001",
      "control started ts001",
      "context stop",
      "process stop ts001",
      "control stopped ts001",
      "control ended",
    ]);
    expect(lines.indexOf("context_info")).toBe(1);
    const shown = about.heard.filter(isContextInfo).map((info) => recordsIn(info).map(({ action, pid }) => [action, pid]));
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
          BackendBind: provider.endpoints.publish.replace(/^.*:/, "tcp://127.0.0.1:"),
          BackendEndpoint: provider.endpoints.publish,
          FrontBind: expect.any(String),
          FrontEndEndpoint: provider.endpoints.subscribe,
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
    const [, stays] = await Promise.all([second, second].map(() => other.hears({ action: "started", serviceId: "ts002" })));

    one.announce(steady, "updated");
    await one.hears({ topic: "process", action: "restart", serviceId: "ts002" });
    other.announce(steady, "updated");
    await one.end();

    const { tasks } = (await other.request()).body.content as JsonObject;
    expect(tasks).toMatchObject([{ service_id: "ts001", runs: 1 }, { service_id: "ts002", runs: 1, pid: pidOf(stays as Heard) }]);
    expect(isRunning(pidOf(stays as Heard))).toBe(true);
    expect(other.heard.map(line)).not.toContain("process restart ts002");
  });
});
