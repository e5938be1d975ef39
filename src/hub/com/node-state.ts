// What a node is told to be: by the desired state of its twin, and by commands, which hold until the twin says something else.
// Decides which of its states change. Pure.

import type { JsonObject } from "../../protocol/json.ts";
import { anyObject, flag, object, optional, read } from "../../protocol/schema.ts";
import { INITIAL_STATE, NODE_STATE, type NodeState, nodeStateOf, type Twin } from "../contract/twin.ts";

/** What a node knows of itself, and keeps over its end. */
export interface Memory {
  /** What holds. */
  state: NodeState;
  /** The last desired state; undefined before the first. */
  desired?: JsonObject | undefined;
  /** What services have had reported. */
  reported: JsonObject;
}

export const NO_MEMORY: Memory = { state: INITIAL_STATE, reported: {} };

/** A memory as it was written; undefined for anything else. */
export function readMemory(value: unknown): Memory | undefined {
  return read(MEMORY, value).value;
}

const MEMORY = object({
  state: object({ enabled: flag, debug: flag, tracking: flag }),
  desired: optional(anyObject),
  reported: anyObject,
});

/** What holds once the twin wants something: a value that it has changed, and what commands have set of the others. */
export function stateAfter({ state, desired = {} }: Memory, wanted: JsonObject): NodeState {
  const [before, after] = [nodeStateOf(desired), nodeStateOf(wanted)];
  const pick = (name: keyof NodeState) => (before[name] === after[name] ? state[name] : after[name]);
  return { enabled: pick("enabled"), debug: pick("debug"), tracking: pick("tracking") };
}

/** The twin as services and the hub see it. */
export function twinOf({ state, desired = {}, reported }: Memory): Twin {
  return { desired, reported: { ...reported, [NODE_STATE]: { ...state } } };
}

/** Which lines of services the hub gets. */
export function isForwarded({ debug, tracking }: Pick<NodeState, "debug" | "tracking">, level: string): boolean {
  return debug || (tracking && (level === "track" || level === "error"));
}
