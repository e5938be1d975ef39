// The way to a hub over a broker of MQTT, with Debian's mosquitto as the broker and its programs as the hub.
import { chmod, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readComConfiguration } from "../../src/hub/com/com-configuration.ts";
import { openProvider } from "../../src/hub/com/open-provider.ts";
import type { HubConnection, HubEvents } from "../../src/hub/com/providers/hub-provider.ts";
import { createMqttHub, type MqttHubOptions } from "../../src/hub/com/providers/mqtt.ts";
import type { DesiredChange } from "../../src/hub/contract/twin.ts";
import { createAuthority } from "../support/certificates.ts";
import { makeFolder } from "../support/folder.ts";
import { type Mosquitto, type MosquittoOptions, startMosquitto } from "../support/mosquitto.ts";
import { awaitEvents } from "../support/recording.ts";

function createEvents() {
  const desired = awaitEvents<DesiredChange>("changes of the desired state", (one) => JSON.stringify(one));
  const lost = awaitEvents<string>("losses", (one) => one);
  const events: HubEvents = {
    desired: desired.add,
    lost: lost.add,
    method: async (name, payload) => ({ status: 200, payload: { method: name, payload } }),
    command: async (name, payload) => ({ status: 200, payload: { command: name, payload } }),
  };
  return { events, desired, lost };
}

const NEVER = new AbortController().signal;

async function connect(broker: Mosquitto, but: Partial<MqttHubOptions> = {}) {
  const { events, ...recordings } = createEvents();
  const url = `mqtt://127.0.0.1:${broker.port}`;
  const hub = createMqttHub({ url, root: "zcontext", node: "box1", warn: () => {}, ...but });
  return { connection: await hub.connect(events, NEVER), ...recordings };
}

const reading = (n: number) => ({
  id: `r${n}`,
  source: "thermometer",
  time: "2026-01-31T12:00:00Z",
  body: `{"n":${n}}`,
});

describe("a hub behind mosquitto", () => {
  test("hears readings with their properties, the reported state and lines", async () => {
    await using broker = await startMosquitto();
    const heard = await broker.subscribe("zcontext/#");
    const { connection } = await connect(broker);

    await connection.send(reading(1));
    await connection.report({ interval: 5 });
    await connection.log({ time: "t", source: "s", level: "debug", text: "x" });

    expect(await heard.first(({ topic }) => topic === "zcontext/box1/telemetry")).toMatchObject({
      payload: '{"n":1}',
      properties: "id:r1 source:thermometer time:2026-01-31T12:00:00Z",
    });
    expect((await heard.first(({ topic }) => topic.endsWith("/reported"))).payload).toBe('{"interval":5}');
    expect((await heard.first(({ topic }) => topic.endsWith("/log"))).payload).toContain('"text":"x"');
    await connection.close();
  });

  test("has the desired state retained: it is there at once, and each change is told whole", async () => {
    await using broker = await startMosquitto();
    await broker.publish("zcontext/box1/twin/desired", { interval: 5 }, "-r");
    const { connection, desired } = await connect(broker);

    expect(await connection.readTwin()).toEqual({ desired: { interval: 5 } });
    await broker.publish("zcontext/box1/twin/desired", { interval: 7, $version: 2 }, "-r");

    const change = await desired.first(({ desired }) => desired.interval === 7);
    expect(change).toEqual({ kind: "whole", desired: { interval: 7, $version: 2 } });
    expect(desired.all).toHaveLength(1);
    await connection.close();
  });

  test("has an empty desired state where none was retained", async () => {
    await using broker = await startMosquitto();
    const { connection } = await connect(broker);

    expect(await connection.readTwin()).toEqual({ desired: {} });
    await connection.close();
  });

  test("gets answers to methods and commands under their request ids", async () => {
    await using broker = await startMosquitto();
    const heard = await broker.subscribe("zcontext/box1/methods/res/#", "zcontext/box1/commands/res/#");
    const { connection } = await connect(broker);

    await broker.publish("zcontext/box1/methods/stop/r1", {});
    await broker.publish("zcontext/box1/commands/ping", "");
    await broker.publish("zcontext/box1/commands/echo", { rid: "c7" });

    const answerOn = async (topic: string) => JSON.parse((await heard.first((one) => one.topic === topic)).payload);
    expect(await answerOn("zcontext/box1/methods/res/r1")).toEqual({
      status: 200,
      payload: { method: "stop", payload: {} },
    });
    expect(await answerOn("zcontext/box1/commands/res/ping")).toMatchObject({ payload: { command: "ping" } });
    expect(await answerOn("zcontext/box1/commands/res/c7")).toMatchObject({ payload: { command: "echo" } });
    await connection.close();
  });

  test("knows whether the node is there: it says so itself, and the broker where it is lost", async () => {
    await using broker = await startMosquitto();
    const heard = await broker.subscribe("zcontext/box1/status");
    const state = async (from: number, word: string) =>
      heard.first(({ payload }) => JSON.parse(payload).state === word, { from });
    const first = await connect(broker);
    await first.connection.readTwin();
    await state(0, "online");
    await first.connection.close();
    expect(JSON.parse((await state(0, "offline")).payload)).toHaveProperty("time");

    const from = heard.all.length;
    const second = await connect(broker);
    await second.connection.readTwin();
    await state(from, "online");
    // A second client of the same name ends the connection of the first, which publishes its will.
    const third = await connect(broker);

    expect(await second.lost.first(() => true)).toMatch(/ended the connection|has ended/);
    expect(JSON.parse((await state(from, "offline")).payload)).toEqual({ state: "offline" });
    await third.connection.close();
  });

  test("that ends is a loss, and what was not confirmed is rejected", async () => {
    await using broker = await startMosquitto();
    const { connection, lost } = await connect(broker);

    await broker.stop("SIGKILL");

    await lost.first(() => true);
    await expect(connection.send(reading(1))).rejects.toThrow();
    await connection.close();
  });
});

describe("the way to a hub", () => {
  async function reached(options: MosquittoOptions, with_: (broker: Mosquitto) => Promise<HubConnection>) {
    await using broker = await startMosquitto(options);
    const connection = await with_(broker);
    const twin = await connection.readTwin();
    await connection.close();
    return twin;
  }

  test("is encrypted, and the certificate of the broker verified", async () => {
    await using authority = await createAuthority();
    const tls = await authority.sign();
    const ca = await readFile(authority.ca, "utf8");
    const over = (broker: Mosquitto, but: Partial<MqttHubOptions>) =>
      connect(broker, { url: `mqtts://127.0.0.1:${broker.port}`, ...but }).then(({ connection }) => connection);

    expect(await reached({ tls }, (broker) => over(broker, { ca }))).toEqual({ desired: {} });
    await expect(reached({ tls }, (broker) => over(broker, {}))).rejects.toThrow(/certificate/);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      await expect(reached({ tls }, (broker) => over(broker, {}))).rejects.toThrow(/certificate/);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  test("needs the right password, which stands in no error", async () => {
    const login = { user: "box1", pass: "a secret of ours" };
    const as = (pass: string) => (broker: Mosquitto) =>
      connect(broker, { login: { ...login, pass } }).then(({ connection }) => connection);

    expect(await reached({ login }, as(login.pass))).toEqual({ desired: {} });
    await expect(reached({ login }, as("another secret"))).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  test("is opened by a configuration, whose file of credentials only its user may read", async () => {
    await using folder = await makeFolder({ "box1.credentials": "user=box1\npass=secret\n" });
    const file = folder.at("box1.credentials");
    const open = (url: string, given = {}) => {
      const configuration = readComConfiguration({ url, credentials_file: "box1.credentials", ...given }, "box1");
      return openProvider(configuration, { folder: folder.path, warn: () => {} });
    };

    await chmod(file, 0o644);
    await expect(open("mqtt://127.0.0.1:1883")).rejects.toMatchObject({
      code: "ERR_ENVIRONMENT_INVALID",
      message: `<credentials_file>: ${file} is open to others, mode 0644`,
    });
    await chmod(file, 0o600);
    expect(await open("mqtt://127.0.0.1:1883")).toMatchObject({ name: "mqtt", address: "mqtt://127.0.0.1:1883" });
    await expect(open("mqtt://broker.example.org:1883")).rejects.toMatchObject({ code: "ERR_ENGINE_REFUSED" });
    expect(await open("mqtts://broker.example.org:8883")).toMatchObject({ address: "mqtts://broker.example.org:8883" });
    expect(await open("mqtt://broker.example.org?insecure=true")).toMatchObject({ name: "mqtt" });
    await expect(open("mqtts://u:secret@broker.example.org")).rejects.toMatchObject({
      code: "ERR_CONFIG_INVALID",
      message: expect.not.stringContaining("secret"),
    });
    await expect(open("http://broker.example.org")).rejects.toMatchObject({ code: "ERR_ENGINE_MISSING" });
    await expect(open("mqtts://hub.example.org", { provider: "azure-mqtt" })).rejects.toMatchObject({
      message: expect.not.stringContaining("secret"),
    });
  });
});
