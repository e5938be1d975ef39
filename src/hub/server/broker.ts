// The hub's side of the broker: one connection, by the library MQTT.js, which connects again by itself.
import type { MqttClient } from "mqtt";
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { missing } from "../../missing-package.ts";
import type { Json } from "../../protocol/json.ts";
import { filtersOfHub } from "../contract/topics.ts";
import type { Arrival } from "./fleet.ts";

export interface Broker extends AsyncDisposable {
  readonly isConnected: boolean;
  /** Resolves when the broker has it; waits while the broker is away. */
  publish(topic: string, payload: Json, options?: { retain?: boolean }): Promise<void>;
}

export interface BrokerOptions {
  url: string;
  root: string;
  login?: { user: string; pass: string } | undefined;
  log: Log;
  onArrival(arrival: Arrival): void;
}

const RECONNECT_MS = 2_000;

/** @throws {ZcontextError} `ERR_ENGINE_MISSING` without the package `mqtt`. */
export async function connectBroker({ url, root, login, log, onArrival }: BrokerOptions): Promise<Broker> {
  const { connect } = await import("mqtt").catch((error: unknown) => {
    throw missing(error, "a hub", ["mqtt"]) ?? error;
  });
  const client: MqttClient = connect(url, {
    protocolVersion: 5,
    clean: true,
    reconnectPeriod: RECONNECT_MS,
    rejectUnauthorized: true,
    ...(login && { username: login.user, password: login.pass }),
  });
  let trouble = "";
  client.on("connect", () => {
    trouble = "";
    log.info({ url }, "broker connected");
    // What is retained comes again: state, twins and status.
    client.subscribe([...filtersOfHub(root), `${root}/+/twin/desired`], { qos: 1 }, (error) => {
      if (error) log.warn({ reason: reasonOf(error) }, "broker refused a subscription");
    });
  });
  const away = (reason: string) => {
    // Said once, not with each try.
    if (trouble === "") log.warn({ url, reason }, "broker away, trying again");
    trouble = reason;
  };
  client.on("error", (error) => away(reasonOf(error)));
  client.on("close", () => away("the connection has ended"));
  client.on("message", (topic, payload, { properties }) => {
    const { userProperties = {} } = properties ?? {};
    onArrival({ topic, payload, properties: { ...userProperties }, time: new Date().toISOString() });
  });
  return {
    get isConnected() {
      return client.connected;
    },
    async publish(topic, payload, { retain = false } = {}) {
      await client.publishAsync(topic, JSON.stringify(payload), { qos: 1, retain });
    },
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
}
