// What a node asks of the way to its hub. A provider of that way knows how to connect once; when to connect, and again, is up
// to the session. Types and an error. Pure.

import type { Json, JsonObject } from "../../../protocol/json.ts";
import type { Answer, LogLine, ReadingProperties } from "../../contract/shapes.ts";
import type { DesiredChange } from "../../contract/twin.ts";

/** A reading that waits for its way to the hub. */
export interface Reading extends ReadingProperties {
  /** What was submitted, as JSON. */
  body: string;
}

export interface HubProvider {
  /** As in the configuration, such as `mqtt`. */
  readonly name: string;
  /** The name of the node there, where the hub has given it. */
  readonly node?: string;
  /** Where the hub is, without credentials. */
  readonly address: string;
  /** The longest body of a reading, in bytes. */
  readonly maxBytes: number;
  /**
   * Connects. What the hub tells from then on goes to `events`, and nothing is lost between the connection and the twin that
   * `readTwin` reads.
   *
   * @throws An error whose message says what is wrong; no credentials are in it.
   */
  connect(events: HubEvents, signal: AbortSignal): Promise<HubConnection>;
}

/** What a hub tells. Answers never reject. */
export interface HubEvents {
  desired(change: DesiredChange): void;
  method(name: string, payload: Json): Promise<Answer>;
  command(name: string, payload: Json): Promise<Answer>;
  /** The connection has ended, and this side has not asked for that. Called once. */
  lost(reason: string): void;
}

export interface HubConnection {
  /** After which a new connection has to take its place, in milliseconds; undefined for never. */
  readonly renewAfterMs?: number;
  /** The whole desired state, and what the hub knows of the reported one, if it keeps that. */
  readTwin(): Promise<{ desired: JsonObject; reported?: JsonObject }>;
  /**
   * Resolves when the hub has confirmed it. Readings arrive in the order of the calls.
   *
   * @throws {ReadingRefused} For one that the hub never takes; with anything else it may be sent again.
   */
  send(reading: Reading): Promise<void>;
  /** Sends the whole reported state. */
  report(reported: JsonObject): Promise<void>;
  log(line: LogLine): Promise<void>;
  /** Resolves when the hub has answered. */
  beat(): Promise<void>;
  /** Says that the node leaves, and ends the connection. */
  close(): Promise<void>;
}

/** The hub never takes a reading: it is given up. */
export class ReadingRefused extends Error {
  override readonly name = "ReadingRefused";
}
