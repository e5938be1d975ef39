// A device at Azure IoT Hub, as the simulator plays it: topics, tokens, the twin, direct methods, losses and limits.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAzureHub } from "../../src/hub/com/providers/azure-mqtt.ts";
import { userNameOf } from "../../src/hub/com/providers/azure-topics.ts";
import { type HubEvents, ReadingRefused } from "../../src/hub/com/providers/hub-provider.ts";
import { connectMqtt } from "../../src/hub/com/providers/mqtt-link.ts";
import { readConnectionString, sasToken } from "../../src/hub/com/providers/sas.ts";
import type { DesiredChange } from "../../src/hub/contract/twin.ts";
import { type AzureSimulator, startAzureSimulator } from "../../src/tasks/rehearsal/rehearse.ts";
import { awaitEvents } from "../support/recording.ts";

const KEY = Buffer.from("the key of box1").toString("base64");
const NEVER = new AbortController().signal;

let simulator: AzureSimulator;
beforeEach(async () => {
  simulator = await startAzureSimulator({ devices: { box1: KEY } });
});
afterEach(async () => {
  await simulator[Symbol.asyncDispose]();
});

/** Resolves once something is so; the simulator says when it may have become so. */
function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isSo()) return;
      stop();
      resolve();
    };
    const stop = simulator.watch(look);
    look();
  });
}

async function connect(options: { tokenMs?: number; key?: string } = {}) {
  const desired = awaitEvents<DesiredChange>("changes of the desired state", (one) => JSON.stringify(one));
  const lost = awaitEvents<string>("losses", (one) => one);
  const events: HubEvents = {
    desired: desired.add,
    lost: lost.add,
    method: async (name, payload) => ({ status: name === "stop" ? 200 : 400, payload: { name, payload } }),
    command: async (name, payload) => ({ status: 200, payload: { name, payload } }),
  };
  const credentials = readConnectionString(simulator.connectionString("box1"));
  const { tokenMs, key } = options;
  const hub = createAzureHub({
    url: simulator.url,
    credentials: { ...credentials, ...(key !== undefined && { key }) },
    ...(tokenMs !== undefined && { tokenMs }),
    warn: () => {},
  });
  return { connection: await hub.connect(events, NEVER), desired, lost };
}

const reading = (body: string) => ({ id: "r1", source: "thermometer", time: "2026-01-31T12:00:00Z", body });

describe("a device", () => {
  test("sends readings, whose properties travel in the topic", async () => {
    const { connection } = await connect();

    await connection.send(reading('{"n":1}'));
    await connection.log({ time: "t", source: "s", level: "error", text: "x", code: 90_000 });

    expect(simulator.messages[0]).toEqual({
      deviceId: "box1",
      body: '{"n":1}',
      properties: {
        "$.mid": "r1",
        "$.ct": "application/json",
        "$.ce": "utf-8",
        source: "thermometer",
        time: "2026-01-31T12:00:00Z",
      },
    });
    expect(simulator.messages[1]?.properties).toMatchObject({ kind: "log" });
    await connection.close();
  });

  test("reads the whole twin, is told of each change with its version, and patches what it reports", async () => {
    simulator.desire("box1", { interval: 5 });
    const { connection, desired } = await connect();

    expect(await connection.readTwin()).toEqual({ desired: { interval: 5, $version: 2 }, reported: {} });
    simulator.desire("box1", { unit: "C" });
    expect(await desired.first(() => true)).toEqual({
      kind: "patch",
      desired: { unit: "C", $version: 3 },
      version: 3,
    });
    await connection.report({ interval: 5, unit: "C" });
    await connection.report({ interval: 5 });
    await connection.report({ interval: 5 });
    expect(simulator.twin("box1").reported).toEqual({ interval: 5, $version: 3 });
    await connection.close();
  });

  test("answers direct methods, and commands that come as messages", async () => {
    const { connection } = await connect();

    expect(await simulator.invoke("box1", "stop", { a: 1 })).toEqual({
      status: 200,
      payload: { name: "stop", payload: { a: 1 } },
    });
    expect(await simulator.invoke("box1", "explode")).toMatchObject({ status: 400 });
    simulator.send("box1", { b: 2 }, { command: "ping", rid: "c7" });
    await until(() => simulator.messages.length === 1);

    expect(simulator.messages[0]).toMatchObject({ properties: { kind: "answer", rid: "c7" } });
    expect(JSON.parse(simulator.messages[0]?.body ?? "")).toMatchObject({ payload: { name: "ping" } });
    await connection.close();
  });

  test("has its readings rejected where the connection is lost before they are confirmed, and late ones confirmed", async () => {
    const { connection, lost } = await connect();
    simulator.delay(20);
    await connection.send(reading("1"));
    simulator.loseConfirmations(1);

    await expect(connection.send(reading("2"))).rejects.toThrow();

    await lost.first(() => true);
    expect(simulator.messages.map(({ body }) => body)).toEqual(["1", "2"]);
    await connection.close();
  });

  test("gives up a reading that Azure never takes, without a loss", async () => {
    const { connection, lost } = await connect();

    await expect(connection.send(reading("x".repeat(256 * 1024)))).rejects.toThrow(ReadingRefused);

    await connection.beat();
    expect([lost.all, simulator.refusals]).toEqual([[], []]);
    await connection.close();
  });

  test("renews its token at 80 % of its life, and is put out by the hub if it does not", async () => {
    const { connection, lost } = await connect({ tokenMs: 2_000 });

    expect(connection.renewAfterMs).toBe(1_600);
    await lost.first(() => true);
    expect(simulator.refusals).toEqual(["the token of box1 has run out"]);
    await connection.close();
  });

  test("with a wrong key is refused, and the key stands in no error", async () => {
    const wrong = Buffer.from("another key").toString("base64");

    await expect(connect({ key: wrong })).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(wrong) }),
    );
    expect(simulator.refusals).toEqual(["the token of box1 is not signed with its key"]);
  });
});

describe("the simulator", () => {
  /** A device that does as it likes. */
  async function raw() {
    const lost = awaitEvents<string>("losses", (one) => one);
    const credentials = readConnectionString(simulator.connectionString("box1"));
    const link = await connectMqtt(
      {
        url: simulator.url,
        clientId: "box1",
        login: {
          user: userNameOf(credentials.hostName, "box1"),
          pass: sasToken(credentials, Math.floor(Date.now() / 1_000) + 60),
        },
        version: 4,
      },
      { message: () => {}, lost: lost.add },
      NEVER,
    );
    return { link, lost };
  }

  test.each([
    ["another topic", "zcontext/box1/telemetry", "1", 1, "a message on zcontext/box1/telemetry, which no device has"],
    ["the topic of another device", "devices/box2/messages/events/", "1", 1, "which no device has"],
    ["a long message", "devices/box1/messages/events/", "x".repeat(256 * 1024), 1, "above 256 KiB"],
    ["QoS 2", "devices/box1/messages/events/", "1", 2, "with QoS 2"],
  ] as const)("ends the connection of a device that uses %s", async (_, topic, body, qos, reason) => {
    const { link, lost } = await raw();

    await expect(link.publish(topic, body, { qos })).rejects.toThrow();

    await lost.first(() => true);
    expect(simulator.refusals).toEqual([expect.stringContaining(reason)]);
    expect(simulator.messages).toEqual([]);
    await link.close();
  });

  test("lets a device subscribe to its own topics only", async () => {
    const { link } = await raw();

    await expect(link.subscribe(["devices/box2/messages/devicebound/#"])).rejects.toThrow(/refuse|128|Unspecified/);

    expect(simulator.refusals).toEqual(["a subscription of box1 to devices/box2/messages/devicebound/#"]);
    await link.close();
  });
});
