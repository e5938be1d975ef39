// A node as its users have it: a context with Com, Logger and a service, and mosquitto's programs as the hub.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeStateOf } from "../../src/hub/index.ts";
import { EventBus } from "../../src/messaging/index.ts";
import { type RunningCommand, run, startCommand } from "../support/command.ts";
import { contextXml, SERVICES } from "../support/context.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { type Heard, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import type { Recording } from "../support/recording.ts";
import { type Relay, startRelay } from "../support/relay.ts";

let broker: Mosquitto;
/** Between the node and the broker. */
let relay: Relay;
let folder: Folder;
let file: string;
let provider: RunningCommand;
let heard: Recording<Heard>;

const SECRET = "a secret of the environment";

beforeAll(async () => {
  broker = await startMosquitto();
  relay = await startRelay(`tcp://127.0.0.1:${broker.port}`);
  folder = await makeFolder();
  const com = `<url>${relay.endpoint.replace("tcp:", "mqtt:")}</url><node>box1</node>`;
  const tasks = [
    { id: "com", instance: "Com", serviceName: "com", configuration: com },
    { id: "log", instance: "Logger", serviceName: "logger" },
    { id: "ts_1", instance: "Thermometer", serviceName: "thermometer" },
  ];
  file = await folder.write("Context-Node.xml", contextXml(tasks));
  heard = await broker.subscribe("zcontext/#");
  provider = start();
  await untilRunning(provider, 0);
});

afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function start(): RunningCommand {
  return startCommand("service-context", [file, "--start", "T1", "--services_root", SERVICES], {
    env: { NODE_TEST_SECRET: SECRET },
  });
}

/** Resolves when all that is to run does, and the hub has the node's state. */
async function untilRunning(running: RunningCommand, from: number): Promise<void> {
  for (const id of ["com", "log", "ts_1"])
    await running.stderr.first((line) => new RegExp(`\\s${id} +running`).test(line), { what: `${id} runs` });
  if (from >= 0) await said("zcontext/box1/twin/reported", () => true, from);
}

/** The payload of a message on a topic, now or later. */
async function said(topic: string, isIt: (payload: never) => boolean, from = 0) {
  const read = ({ payload }: Heard) => JSON.parse(payload) as never;
  return read(await heard.first((one) => one.topic === topic && isIt(read(one)), { from, what: topic }));
}

/** Publishes, and resolves with the answer. */
async function told(
  kind: "methods" | "commands",
  name: string,
  payload: object,
): Promise<{ status: number; payload: never }> {
  const from = heard.all.length;
  const rid = `r${from}`;
  const topic = kind === "methods" ? `methods/${name}/${rid}` : `commands/${name}`;
  await broker.publish(`zcontext/box1/${topic}`, { ...payload, rid });
  return said(`zcontext/box1/${kind}/res/${rid}`, () => true, from);
}

/** Has the thermometer send readings, with a hub or without. @returns How many are on the disk. */
async function measure(from: number, count: number): Promise<number> {
  const bus = await EventBus.connect({ contextFile: file, another: true });
  try {
    const params = { source: "test", message: { from, count } };
    return (await bus.call("thermometer.action:Measure", params, { timeoutMs: 60_000 })) as number;
  } finally {
    await bus.close();
  }
}

const numbers = (from: number) =>
  heard.all
    .slice(from)
    .filter(({ topic }) => topic === "zcontext/box1/telemetry")
    .map(({ payload }) => JSON.parse(payload).n as number);
const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

describe("a node", () => {
  test("sends readings, and lines of services only while debug is on", async () => {
    const from = heard.all.length;
    expect(await measure(1, 3)).toBe(3);
    await said("zcontext/box1/telemetry", ({ n }) => n === 3, from);
    expect(numbers(from)).toEqual([1, 2, 3]);

    await told("commands", "changeDebug", { debug: true });
    const later = heard.all.length;
    await measure(4, 1);
    const line = await said("zcontext/box1/log", () => true, later);

    expect(line).toMatchObject({ source: "thermometer", level: "debug", text: "delivered 1" });
    expect(heard.all.filter(({ topic }) => topic === "zcontext/box1/log")).toHaveLength(1);
    expect(provider.stdout.all.concat(provider.stderr.all).join("\n")).toContain("[thermometer] DEBUG: delivered 3");
    await told("commands", "changeDebug", { debug: false });
  });

  test("is switched off and on by its desired state, and tells its services of it", async () => {
    const from = heard.all.length;
    await broker.publish("zcontext/box1/twin/desired", { "msb-state": { enabled: false }, unit: "C" }, "-r");
    await said("zcontext/box1/twin/reported", (state) => nodeStateOf(state).enabled === false, from);
    await provider.stderr.first((line) => /ts_1 +stopped/.test(line));
    const lines = provider.stderr.all.length;

    await broker.publish("zcontext/box1/twin/desired", { "msb-state": { enabled: true }, unit: "F" }, "-r");
    await provider.stderr.first((line) => /ts_1 +running/.test(line), { from: lines });

    const { stdout, stderr } = provider;
    const isOf = (line: string) =>
      line.includes("STATE") && line.includes('"unit":"F"') && line.includes('"reported":{"msb-state":{"enabled":true');
    await Promise.race([stdout.first(isOf), stderr.first(isOf)]);
  });

  test("answers methods and commands, and refuses by name what no hub may do", async () => {
    expect(await told("methods", "stop", {})).toEqual({ status: 200, payload: { stopped: ["ts_1"] } });
    expect(await told("methods", "start", {})).toEqual({ status: 200, payload: { started: ["ts_1"] } });
    expect(await told("methods", "explode", {})).toMatchObject({ status: 400 });
    expect(await told("commands", "reboot", {})).toMatchObject({ status: 403 });
    expect(await told("commands", "update", {})).toMatchObject({ status: 501 });
    const sent = { service: "thermometer", action: "Measure", message: { from: 100, count: 1 } };
    expect(await told("commands", "sendMessage", sent)).toEqual({ status: 200, payload: 1 });

    const audit = await readFile(folder.at(".zcontext", "hub", "audit.ndjson"), "utf8");
    expect(JSON.parse(audit)).toMatchObject({ step: "command-refused", name: "reboot" });
  });

  test("reports its state without any secret of its environment", async () => {
    const { status, payload } = await told("commands", "reportState", {});

    expect(status).toBe(200);
    expect(payload).toMatchObject({ node: "box1", connected: true, outbox: { dropped: 0 }, desired: { unit: "F" } });
    expect(heard.all.map((one) => one.payload).join("\n")).not.toContain(SECRET);
  });

  test("keeps its internal services when they are to be stopped by name, and starts them again when they die", async () => {
    const command = (...words: string[]) =>
      run("conf-command", ["--context_file", file, "--transaction", "T1", "--json", ...words]);

    const refused = await command("--action", "stop", "--task_id", "com");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr.concat(refused.stdout).join("\n")).toContain("ERR_SERVICE_INTERNAL");

    const before = heard.all.length;
    const lines = provider.stderr.all.length;
    const asked = await command("--action", "request");
    const tasks: { id: string; pid: number }[] = JSON.parse(asked.stdout.join("")).tasks;
    const com = tasks.find(({ id }) => id === "com");
    if (com === undefined) throw new Error(`no com in ${asked.stdout.join("")}`);
    process.kill(com.pid, "SIGKILL");
    await provider.stderr.first((line) => /\scom +running/.test(line), { from: lines });
    await measure(200, 1);
    await said("zcontext/box1/telemetry", ({ n }) => n === 200, before);
  });

  test("loses no reading while the hub is away and everything is killed, and sends them in order", async () => {
    await broker.stop("SIGKILL");
    // The node gets there once the broker has a subscriber again: it keeps nothing for those that are not there.
    await relay.cut();
    expect(await measure(1_000, 300)).toBe(300);
    provider.signal("SIGKILL");
    await provider.exit;
    provider = start();
    await untilRunning(provider, -1);
    expect(await measure(1_300, 100)).toBe(100);
    await broker.start();
    heard = await broker.subscribe("zcontext/#");
    relay.mend();

    await said("zcontext/box1/telemetry", ({ n }) => n === 1_399);

    expect(numbers(0).filter((n) => n >= 1_000)).toEqual(range(1_000, 400));
  });
});
