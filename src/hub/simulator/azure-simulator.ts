// A hub for tests that speaks with devices as Azure IoT Hub does over MQTT 3.1.1, and is as strict: it ends the connection of a
// device that uses QoS 2, another topic or a longer message than Azure takes, and refuses one whose token, name or version is not
// right. It can lose connections and confirmations, and answer late. The broker underneath is aedes, which is loaded when the
// simulator is started.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Aedes, AedesOptions, AuthenticateError, Client } from "aedes";
import { type Deferred, deferred } from "../../deferred.ts";
import { ZcontextError } from "../../errors.ts";
import { missing } from "../../missing-package.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import { bagOf, filtersOfDevice, MAX_MESSAGE_BYTES, readBag } from "../com/providers/azure-topics.ts";
import type { Answer } from "../contract/shapes.ts";
import { createDeviceTwin, type DeviceTwin } from "./device-twin.ts";
import { refusalOfLogin } from "./login.ts";

export interface AzureSimulatorOptions {
  /** The keys of the devices, as base64, by id. */
  devices: { readonly [deviceId: string]: string };
  /** In user names and tokens. Default: `simulated.azure-devices.net`. */
  hostName?: string;
  /** The clock that tokens run out by, in milliseconds. Default: that of the machine. */
  nowMs?(): number;
}

/** What a device has sent to the cloud. */
export interface DeviceMessage {
  deviceId: string;
  /** Those of the topic, decoded: `$.mid`, `$.ct` and the device's own. */
  properties: Readonly<Record<string, string>>;
  body: string;
}

export interface AzureSimulator extends AsyncDisposable {
  /** Where devices connect, unencrypted. */
  readonly url: string;
  readonly messages: readonly DeviceMessage[];
  /** Why connections were refused or ended, in order. */
  readonly refusals: readonly string[];
  /** How often devices have connected. */
  readonly connections: number;
  connectionString(deviceId: string): string;
  isConnected(deviceId: string): boolean;
  /** Both halves with their `$version`. */
  twin(deviceId: string): { desired: JsonObject; reported: JsonObject };
  /**
   * Changes the desired state by a patch.
   *
   * @param options.isLost - The device is not told of it.
   * @returns The new version.
   */
  desire(deviceId: string, patch: JsonObject, options?: { isLost?: boolean }): number;
  /** Calls a direct method. Rejects where the device is not there or does not answer within 30 s. */
  invoke(deviceId: string, method: string, payload?: Json): Promise<Answer>;
  /** Sends a message to a device, which has to be there. */
  send(deviceId: string, body: Json, properties?: Readonly<Record<string, string>>): void;
  /** Ends the connection of a device without a word. */
  drop(deviceId: string): void;
  /** Takes so many further messages, and ends the connection before it confirms each of them. */
  loseConfirmations(count: number): void;
  /** Confirms and answers so much later, in milliseconds. */
  delay(ms: number): void;
  /** Calls whenever something has changed. @returns What ends that. */
  watch(listener: () => void): () => void;
}

const METHOD_MS = 30_000;
/** Reason codes of MQTT 3.1.1. */
const REFUSED = { identifier: 2, login: 4 } as const;

/**
 * Starts a simulator on a free port of this machine.
 *
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` where the package aedes is not installed.
 */
export async function startAzureSimulator(options: AzureSimulatorOptions): Promise<AzureSimulator> {
  const { devices, hostName = "simulated.azure-devices.net", nowMs = Date.now } = options;
  const twins = new Map(Object.keys(devices).map((id) => [id, createDeviceTwin()]));
  const present = new Map<string, Presence>();
  const calls = new Map<string, Deferred<Answer>>();
  const messages: DeviceMessage[] = [];
  const refusals: string[] = [];
  const listeners = new Set<() => void>();
  let connections = 0;
  let delayMs = 0;
  let toLose = 0;
  let lastCall = 0;

  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  function refuse(why: string): void {
    refusals.push(why);
    tell();
  }
  function twinOf(deviceId: string): DeviceTwin {
    const twin = twins.get(deviceId);
    if (twin === undefined) throw new ZcontextError("ERR_USAGE", `the simulator has no device ${deviceId}`);
    return twin;
  }
  function presenceOf(deviceId: string): Presence {
    const found = present.get(deviceId);
    if (found === undefined) throw new Error(`the device ${deviceId} is not connected`);
    return found;
  }

  /** Takes what a device has published. @returns Why the connection has to end; undefined where all is well. */
  function take(presence: Presence, topic: string, payload: Buffer): string | undefined {
    const { deviceId } = presence;
    const events = `devices/${deviceId}/messages/events/`;
    const twin = twinOf(deviceId);
    if (topic.startsWith(events)) {
      messages.push({ deviceId, properties: readBag(topic.slice(events.length)), body: payload.toString() });
      return undefined;
    }
    const get = /^\$iothub\/twin\/GET\/\?\$rid=([^&]+)$/.exec(topic);
    if (get !== null) {
      presence.tell(`$iothub/twin/res/200/?$rid=${get[1]}`, JSON.stringify(twin.whole()));
      return undefined;
    }
    const patch = /^\$iothub\/twin\/PATCH\/properties\/reported\/\?\$rid=([^&]+)$/.exec(topic);
    if (patch !== null) {
      const { status, version } = twin.report(payload);
      const more = version === undefined ? "" : `&$version=${version}`;
      presence.tell(`$iothub/twin/res/${status}/?$rid=${patch[1]}${more}`, "");
      return undefined;
    }
    const answer = /^\$iothub\/methods\/res\/(\d{1,9})\/\?\$rid=([^&]+)$/.exec(topic);
    if (answer === null) return `a message on ${topic}, which no device has`;
    calls.get(answer[2] ?? "")?.resolve({ status: Number(answer[1]), payload: readJson(payload) });
    return undefined;
  }

  const aedesOptions: AedesOptions = {
    authenticate(client, username, password, done) {
      const login = { clientId: client.id, user: username ?? "", pass: password?.toString() ?? "" };
      const read = refusalOfLogin(login, { devices, hostName, nowS: nowMs() / 1_000 });
      if ("refused" in read) {
        refuse(read.refused);
        const code = read.of === "identifier" ? REFUSED.identifier : REFUSED.login;
        return done(Object.assign(new Error(read.refused), { returnCode: code }) as AuthenticateError, false);
      }
      // Azure ends a connection when its token has run out.
      const end = () => {
        refuse(`the token of ${client.id} has run out`);
        destroy(client);
      };
      const timer = setTimeout(end, Math.min(read.expiresS * 1_000 - nowMs(), 2 ** 31 - 1));
      client.conn.once("close", () => clearTimeout(timer));
      done(null, true);
    },
    authorizePublish(client, { topic, payload, qos }, done) {
      const presence = client === null ? undefined : present.get(client.id);
      // The will of a connection that was lost.
      if (client === null || presence === undefined) return done(null);
      const bytes = Buffer.from(payload);
      const why =
        qos === 2
          ? `a message of ${client.id} with QoS 2`
          : bytes.length + topic.length > MAX_MESSAGE_BYTES
            ? `a message of ${client.id} above 256 KiB`
            : take(presence, topic, bytes);
      if (why !== undefined) {
        refuse(why);
        destroy(client);
        return done(new Error(why));
      }
      if (toLose > 0 && topic.startsWith("devices/")) {
        toLose -= 1;
        destroy(client);
        tell();
        return done(new Error("the confirmation is lost"));
      }
      later(() => done(null));
      tell();
    },
    authorizeSubscribe(client, subscription, done) {
      if (!filtersOfDevice(client.id).includes(subscription.topic)) {
        refuse(`a subscription of ${client.id} to ${subscription.topic}`);
        return done(null, null);
      }
      present.get(client.id)?.filters.add(subscription.topic);
      done(null, { ...subscription, qos: subscription.qos === 2 ? 1 : subscription.qos });
    },
  };

  function later(act: () => void): void {
    if (delayMs === 0) act();
    else setTimeout(act, delayMs);
  }

  const broker = await createBroker(aedesOptions);
  broker.on("client", (client) => {
    connections += 1;
    present.set(client.id, createPresence(client, later));
    tell();
  });
  broker.on("clientDisconnect", (client) => {
    if (present.get(client.id)?.client === client) present.delete(client.id);
    tell();
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    broker.handle(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    ...{ url: `mqtt://127.0.0.1:${port}`, messages, refusals },
    get connections() {
      return connections;
    },
    connectionString: (id) => `HostName=${hostName};DeviceId=${id};SharedAccessKey=${devices[id]}`,
    isConnected: (deviceId) => present.has(deviceId),
    twin: (deviceId) => twinOf(deviceId).whole(),
    desire(deviceId, patch, { isLost = false } = {}) {
      const version = twinOf(deviceId).desire(patch);
      const topic = `$iothub/twin/PATCH/properties/desired/?$version=${version}`;
      if (!isLost) present.get(deviceId)?.tell(topic, JSON.stringify({ ...patch, $version: version }));
      return version;
    },
    async invoke(deviceId, method, payload = null) {
      lastCall += 1;
      const requestId = String(lastCall);
      const answer = deferred<Answer>();
      const late = () => answer.reject(new Error(`${deviceId} has not answered ${method} within ${METHOD_MS} ms`));
      const timer = setTimeout(late, METHOD_MS);
      calls.set(requestId, answer);
      try {
        presenceOf(deviceId).tell(`$iothub/methods/POST/${method}/?$rid=${requestId}`, JSON.stringify(payload));
        return await answer.promise;
      } finally {
        clearTimeout(timer);
        calls.delete(requestId);
      }
    },
    send(deviceId, body, properties = {}) {
      presenceOf(deviceId).tell(`devices/${deviceId}/messages/devicebound/${bagOf(properties)}`, JSON.stringify(body));
    },
    drop: (deviceId) => destroy(presenceOf(deviceId).client),
    loseConfirmations(count) {
      toLose = count;
    },
    delay(ms) {
      delayMs = ms;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => broker.close(resolve));
      await closed;
    },
  };
}

/** A device that is connected, and what it has subscribed to. */
interface Presence {
  readonly deviceId: string;
  readonly client: Client;
  readonly filters: Set<string>;
  /** Sends it a message, if it has subscribed to such. */
  tell(topic: string, payload: string): void;
}

function createPresence(client: Client, later: (act: () => void) => void): Presence {
  const filters = new Set<string>();
  return {
    ...{ deviceId: client.id, client, filters },
    tell(topic, payload) {
      if (![...filters].some((filter) => topic.startsWith(filter.slice(0, -1)))) return;
      const packet = { cmd: "publish", topic, payload, qos: 1, retain: false, dup: false } as const;
      later(() => client.publish(packet, () => {}));
    },
  };
}

function destroy(client: Client): void {
  client.conn.destroy();
}

function readJson(payload: Buffer): Json {
  const text = payload.toString();
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

async function createBroker(options: AedesOptions): Promise<Aedes> {
  try {
    return await (await import("aedes")).Aedes.createBroker(options);
  } catch (error) {
    throw missing(error, "the simulator", ["aedes"]) ?? error;
  }
}
