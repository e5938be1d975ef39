// The twin of a node: what its hub wants (desired) and what the node says of itself (reported). Decides what a change of the
// desired state leads to: a new twin, nothing, or that the whole twin has to be read again. Pure.
import { isDeepStrictEqual } from "node:util";
import { isObject, type Json, type JsonObject, ownMember } from "../../protocol/json.ts";

export interface Twin {
  desired: JsonObject;
  reported: JsonObject;
}

/** The member of both halves that says whether the custom services run, and what of their lines the hub gets. */
export const NODE_STATE = "msb-state";
/** The member of a state that counts its changes, where the hub does. */
export const VERSION = "$version";

/** What `msb-state` says. */
export interface NodeState {
  /** Whether the custom services run. */
  enabled: boolean;
  /** Whether the hub gets all lines of services. */
  debug: boolean;
  /** Whether it gets tracks and errors while `debug` is off. */
  tracking: boolean;
}

export const INITIAL_STATE: NodeState = { enabled: true, debug: false, tracking: false };

/** The state that half a twin asks for: what is missing or is no boolean is as it is without any. */
export function nodeStateOf(half: JsonObject): NodeState {
  const given = half[NODE_STATE];
  const said = (name: keyof NodeState) => {
    const value = isObject(given) ? given[name] : undefined;
    return typeof value === "boolean" ? value : INITIAL_STATE[name];
  };
  return { enabled: said("enabled"), debug: said("debug"), tracking: said("tracking") };
}

/** A change of the desired state: all of it, or what is new in it, as RFC 7396 has it. */
export interface DesiredChange {
  kind: "whole" | "patch";
  desired: JsonObject;
  /** Undefined where the hub counts no versions. */
  version?: number | undefined;
}

/** What such a change leads to. */
export type Consequence =
  /** The desired state is another one. */
  | { kind: "changed"; desired: JsonObject }
  /** It is what the node knows already, or older. */
  | { kind: "same" }
  /** A version is missing in between: the whole twin has to be read. */
  | { kind: "gap" };

/** What a change means for the desired state that is known. `known` is undefined until the whole twin has been read. */
export function desiredAfter(known: JsonObject | undefined, change: DesiredChange): Consequence {
  const version = change.version ?? versionOf(change.desired);
  if (change.kind === "whole") {
    const desired = withVersion(change.desired, version);
    return isDeepStrictEqual(known, desired) ? { kind: "same" } : { kind: "changed", desired };
  }
  if (known === undefined) return { kind: "gap" };
  const before = versionOf(known);
  if (version !== undefined && before !== undefined) {
    if (version <= before) return { kind: "same" };
    if (version > before + 1) return { kind: "gap" };
  }
  return { kind: "changed", desired: withVersion(mergePatch(known, change.desired), version ?? before) };
}

/** The version that a state has; undefined without one. */
export function versionOf(state: JsonObject): number | undefined {
  const version = state[VERSION];
  return typeof version === "number" ? version : undefined;
}

function withVersion(state: JsonObject, version: number | undefined): JsonObject {
  return version === undefined ? state : { ...state, [VERSION]: version };
}

/**
 * What an object is once a patch has been applied: null removes a member, an object is merged, anything else replaces.
 *
 * @see RFC 7396, JSON Merge Patch
 */
export function mergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, isObject(value) ? mergePatch(result.get(name), value) : value);
  }
  // Not by assignment, which would take `__proto__` for the prototype.
  return Object.fromEntries(result);
}

/** The patch that makes one state of another; empty where they are equal. */
export function patchBetween(before: JsonObject, after: JsonObject): JsonObject {
  const gone = Object.keys(before).filter((name) => ownMember(after, name) === undefined);
  const changed = Object.entries(after).flatMap(([name, value]): [string, Json][] => {
    const old = ownMember(before, name);
    if (value === undefined || isDeepStrictEqual(old, value)) return [];
    if (!isObject(value) || !isObject(old)) return [[name, value]];
    const inner = patchBetween(old, value);
    return Object.keys(inner).length === 0 ? [] : [[name, inner]];
  });
  return Object.fromEntries([...gone.map((name): [string, Json] => [name, null]), ...changed]);
}
