// The queries about a transaction, its state and the figures of its processes: writes them, and reads the options of
// a `top` and the publication that it asks for. Pure.
import { ZcontextError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { StateMessage } from "./message.ts";
import { anything, type Misfit, object, oneOf, optional, read, textThat } from "./schema.ts";

/** What a `top` asks for beside the figures: lists of each process, which may be long. Named as they travel. */
export interface TopOptions {
  memory_maps: boolean;
  open_connections: boolean;
  opened_files: boolean;
}

export const FIGURES_ONLY: TopOptions = { memory_maps: false, open_connections: false, opened_files: false };

/** A whole `top`, as a client writes it: lists, and a publication that is to begin, change or end. */
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
  const { value, misfit } = read(SERVICE, isObject(service) ? service : {});
  if (misfit !== undefined) throw malformed(misfit);
  const { type = "pub", endpoint, frequency_s } = value;
  return { isWanted: type === "pub", endpoint, periodMs: readPeriodMs(frequency_s) };
}

/** Milliseconds from a `frequency_s`, a number or text; anything else means a second, which is also the least. */
export function readPeriodMs(frequency: unknown): number {
  const seconds = Number(frequency) || DEFAULT_PERIOD_S;
  return Math.min(Math.max(MIN_PERIOD_S, seconds), MAX_PERIOD_S) * 1_000;
}

// Whether its host is allowed is decided where it is bound.
function isBindable(endpoint: string): boolean {
  const port = /^tcp:\/\/[^\s/]{1,255}:([1-9]\d{0,4})$/.exec(endpoint)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

const SERVICE = object({
  type: optional(oneOf(["pub", "none"], "pub, or none to end it")),
  endpoint: textThat(isBindable, "tcp://127.0.0.1:PORT"),
  frequency_s: anything,
});

function malformed({ field, expected, came }: Misfit): ZcontextError {
  const shown = JSON.stringify(came ?? null).slice(0, 100);
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `service.${field}: expected ${expected}, got ${shown}`);
}

// The original took every text for yes, `0` included.
function isOn(value: Json | undefined): boolean {
  if (typeof value !== "string") return value === true || (typeof value === "number" && value !== 0);
  return !["", "0", "false", "no", "off"].includes(value.trim().toLowerCase());
}
