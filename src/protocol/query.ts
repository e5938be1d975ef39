// What may be asked about a transaction: how its tasks stand, and what their processes take. Pure.
import { ZcontextError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { StateMessage } from "./message.ts";

/** What a `top` asks for beside the figures: lists that may be long, of each process. In the words of the wire. */
export interface TopOptions {
  memory_maps: boolean;
  open_connections: boolean;
  opened_files: boolean;
}

export const FIGURES_ONLY: TopOptions = { memory_maps: false, open_connections: false, opened_files: false };

/** A whole `top`, as whoever asks writes it: lists, and a publication that is to begin, change or end. */
export interface TopQuery extends Partial<TopOptions> {
  /** `type` is `pub` where it is left out, `frequency_s` 1. */
  service?: { type?: "pub" | "none"; endpoint: string; frequency_s?: number };
}

/** The `service` of a `top`, as the provider has read it. */
export interface PublicationRequest {
  /** From now on, or no longer. */
  isWanted: boolean;
  endpoint: string;
  periodMs: number;
}

/** Seconds between two publications. */
const DEFAULT_PERIOD_S = 1;
const MIN_PERIOD_S = 1;
const MAX_PERIOD_S = 86_400;

/** A question about a transaction. */
export function queryMessage(action: string, transaction: string, asked: TopQuery = {}): StateMessage {
  const header = { action, serviceId: "", serviceName: "state", transaction };
  return { kind: "state", header, content: { configuration: { ...asked } } };
}

/** Reads the configuration of a `top`, or the `monitor_options` of a Monitor task, whose values are text. */
export function readTopOptions(options: Json | undefined): TopOptions {
  const given: JsonObject = isObject(options) ? options : {};
  return {
    memory_maps: isOn(given.memory_maps),
    open_connections: isOn(given.open_connections),
    opened_files: isOn(given.opened_files),
  };
}

/**
 * Reads the `service` of a `top`; undefined where it asks for none.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`.
 */
export function readPublicationRequest(configuration: Json | undefined): PublicationRequest | undefined {
  const service = isObject(configuration) ? configuration.service : undefined;
  if (service === undefined || service === null) return undefined;
  const { type = "pub", endpoint, frequency_s } = isObject(service) ? service : {};
  if (type !== "pub" && type !== "none") throw malformed("type", "pub, or none to end it", type);
  if (typeof endpoint !== "string" || !isBindable(endpoint))
    throw malformed("endpoint", "tcp://127.0.0.1:PORT", endpoint);
  return { isWanted: type === "pub", endpoint, periodMs: readPeriodMs(frequency_s) };
}

/** Milliseconds from a `frequency_s`, a number or text: a second at least, which is also what nothing means. */
export function readPeriodMs(frequency: Json | undefined): number {
  const seconds = Number(frequency) || DEFAULT_PERIOD_S;
  return Math.min(Math.max(MIN_PERIOD_S, seconds), MAX_PERIOD_S) * 1_000;
}

// Which machine it may be on is decided where it is bound.
function isBindable(endpoint: string): boolean {
  const port = /^tcp:\/\/[^\s/]{1,255}:([1-9]\d{0,4})$/.exec(endpoint)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

function malformed(member: string, expected: string, got: Json | undefined): ZcontextError {
  const shown = JSON.stringify(got ?? null).slice(0, 100);
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `service.${member}: expected ${expected}, got ${shown}`);
}

// The original took every text for yes, `0` included.
function isOn(value: Json | undefined): boolean {
  if (typeof value !== "string") return value === true || (typeof value === "number" && value !== 0);
  return !["", "0", "false", "no", "off"].includes(value.trim().toLowerCase());
}
