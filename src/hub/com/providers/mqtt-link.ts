// One connection with a broker of MQTT, by the library MQTT.js, which is loaded when it is first used. It never connects again
// by itself: the session that has lost its connection decides when.
import type { IClientOptions, MqttClient } from "mqtt";
import { reasonOf } from "../../../errors.ts";
import { missing } from "../../../missing-package.ts";

export interface MqttAddress {
  /** Without credentials, such as `mqtts://broker:8883`. */
  url: string;
  clientId: string;
  login?: { user: string; pass: string } | undefined;
  /** PEM: authorities that are trusted in place of those of the system. */
  ca?: string | undefined;
  /** What the broker publishes where this side is lost. */
  will?: { topic: string; payload: string } | undefined;
  /** 5, or 4 for MQTT 3.1.1. */
  version: 4 | 5;
}

export interface MqttEvents {
  message(topic: string, payload: Buffer): void;
  /** The connection has ended, and this side has not ended it. */
  lost(reason: string): void;
}

export interface Publishing {
  retain?: boolean;
  /** Of MQTT 5; left out with an older version. */
  properties?: Readonly<Record<string, string>>;
  /** Default: 1. */
  qos?: 1 | 2;
}

export interface MqttLink {
  /** The longest packet that the broker takes, in bytes, where it says so. */
  readonly maxPacketBytes: number | undefined;
  /** @throws What the broker has refused. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Resolves when the broker has confirmed it. */
  publish(topic: string, payload: string, publishing?: Publishing): Promise<void>;
  close(): Promise<void>;
}

/** The broker speaks an older version only. */
export class VersionRefused extends Error {
  override readonly name = "VersionRefused";
}

const CONNECT_MS = 15_000;
/** The broker hears of this side at least so often, in seconds: it publishes the will after half as much again. */
const KEEPALIVE_S = 30;
/** How long the last words may take, in milliseconds. */
const CLOSE_MS = 2_000;
/** Reason codes: unacceptable protocol version, as MQTT 3.1.1 and MQTT 5 have it. */
const OF_VERSION: readonly unknown[] = [1, 132];

export async function connectMqtt(address: MqttAddress, events: MqttEvents, signal: AbortSignal): Promise<MqttLink> {
  const connect = await loadConnect();
  signal.throwIfAborted();
  const client = connect(address.url, optionsOf(address));
  let hasEnded = false;
  let fail: (error: Error) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    fail = reject;
  });
  lost.catch(() => {});

  function end(reason: string): void {
    if (hasEnded) return;
    hasEnded = true;
    fail(new Error(reason));
    client.end(true);
    events.lost(reason);
  }

  client.on("message", (topic, payload) => events.message(topic, payload));
  const maxPacketBytes = await established(client, signal);
  client.on("error", (error) => end(reasonOf(error)));
  client.on("disconnect", ({ reasonCode }) => end(`the broker has ended the connection, reason ${reasonCode}`));
  client.on("close", () => end("the connection has ended"));

  return {
    maxPacketBytes,
    async subscribe(filters) {
      const granted = await Promise.race([client.subscribeAsync([...filters], { qos: 1 }), lost]);
      const refused = granted.find(({ qos }) => qos >= 128);
      if (refused !== undefined) throw new Error(`the broker refuses the subscription of ${refused.topic}`);
    },
    async publish(topic, payload, { retain = false, properties, qos = 1 } = {}) {
      const options = {
        qos,
        retain,
        ...(properties !== undefined && address.version === 5 && { properties: { userProperties: { ...properties } } }),
      };
      await Promise.race([client.publishAsync(topic, payload, options), lost]);
    },
    async close() {
      hasEnded = true;
      const late = setTimeout(() => client.end(true), CLOSE_MS);
      await client.endAsync().catch(() => {});
      clearTimeout(late);
    },
  };
}

/** Resolves once the broker has accepted this side. */
function established(client: MqttClient, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let reason: unknown = new Error("the connection has ended before the broker has answered");
    const stop = () => {
      reason = signal.reason;
      client.end(true);
    };
    const finish = () => {
      signal.removeEventListener("abort", stop);
      for (const name of ["connect", "error", "close"] as const) client.removeAllListeners(name);
    };
    signal.addEventListener("abort", stop, { once: true });
    client.on("error", (error) => {
      reason = "code" in error && OF_VERSION.includes(error.code) ? new VersionRefused(reasonOf(error)) : plain(error);
      client.end(true);
    });
    client.on("close", () => {
      finish();
      // A late error must not end the process.
      client.on("error", () => {});
      reject(reason);
    });
    client.on("connect", ({ properties }) => {
      finish();
      resolve(properties?.maximumPacketSize);
    });
  });
}

/** An error of a socket that tries several addresses says nothing in its own message. */
function plain(error: unknown): unknown {
  const { errors = [], message = "" } = Object(error);
  const [first] = Array.isArray(errors) ? errors : [];
  return message === "" && first instanceof Error ? first : error;
}

function optionsOf({ clientId, login, ca, will, version }: MqttAddress): IClientOptions {
  return {
    clientId,
    protocolVersion: version,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_MS,
    keepalive: KEEPALIVE_S,
    // Said here, so that no variable of the environment can switch it off.
    rejectUnauthorized: true,
    ...(login && { username: login.user, password: login.pass }),
    ...(ca !== undefined && { ca }),
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true } }),
  };
}

async function loadConnect() {
  return await import("mqtt").then(
    ({ default: { connect } }) => connect,
    (error: unknown) => {
      throw missing(error, "the connection to the hub", ["mqtt"]) ?? error;
    },
  );
}
