// What differs between two definitions of a task, or between two models of a context, and what it takes to make the newer
// one hold. A part that this file does not know restarts the task: that is right for whatever it is. Names of variables and
// of configuration entries are told, and never their values, which may be secrets. Pure.
import { isDeepStrictEqual } from "node:util";
import type { ContextConfig, TaskServiceConfig } from "./model.ts";

/** `restart`: only another run has it. `in-place`: it holds from now on, or from the next run on, without one. */
export type Effect = "same" | "in-place" | "restart";

export interface TaskDifference {
  effect: Effect;
  /** One each: `grace_s 10 -> 3`, `environment PATH`, `configuration interval_s`. */
  reasons: readonly string[];
}

/** What of a task only its provider looks at; it reads it whenever it needs it. */
const IN_PLACE: ReadonlySet<string> = new Set([
  ...["description", "entry", "triggers"],
  ...[
    "restart",
    "maxRestarts",
    "periodMs",
    "backoffMinMs",
    "backoffMaxMs",
    "onLimit",
    "successCodes",
    "noRestartCodes",
  ],
  ...["readyTimeoutMs", "probe", "heartbeatTimeoutMs", "graceMs", "rolling", "minHealthyMs", "essential", "dependsOn"],
  ...["memoryMaxMib", "schedule"],
]);

/** What makes one definition of a task into another. */
export function differenceOf(old: TaskServiceConfig, next: TaskServiceConfig): TaskDifference {
  const { supervision: oldSupervision, ...oldTask } = old;
  const { supervision: nextSupervision, ...nextTask } = next;
  const parts = [...partsOf(oldTask, nextTask), ...partsOf(oldSupervision, nextSupervision)];
  const effects = parts.map(({ name }) => (IN_PLACE.has(name) ? "in-place" : "restart"));
  return {
    effect: effects.includes("restart") ? "restart" : effects.length > 0 ? "in-place" : "same",
    reasons: parts.flatMap(describePart),
  };
}

interface Part {
  name: string;
  old: unknown;
  next: unknown;
}

function partsOf(old: object, next: object): Part[] {
  const [before, after] = [new Map(Object.entries(old)), new Map(Object.entries(next))];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .map((name) => ({ name, old: before.get(name), next: after.get(name) }))
    .filter((part) => !isDeepStrictEqual(part.old, part.next));
}

/** As the file calls them, where that is not the name in other letters. */
const NAMES: { [name: string]: string } = {
  envFiles: "env_file",
  probe: "readiness probe",
  serviceName: "service_name",
  serviceType: "serviceType",
};
/** Whose entries are told one by one. */
const TOLD_BY_ENTRY = ["configuration", "environment", "triggers"];

function describePart({ name, old, next }: Part): string[] {
  if (TOLD_BY_ENTRY.includes(name)) {
    const entries = partsOf(Object(old), Object(next)).map((part) => part.name);
    return [`${name} ${entries.join(", ")}`];
  }
  const isMs = name.endsWith("Ms");
  const shown = NAMES[name] ?? snakeCase(isMs ? `${name.slice(0, -2)}S` : name);
  const values = [old, next].map((value) => shownValue(value, isMs));
  return [values.includes(undefined) ? shown : `${shown} ${values.join(" -> ")}`];
}

function shownValue(value: unknown, isMs: boolean): string | undefined {
  if (value === undefined) return "none";
  if (typeof value === "number") return String(isMs ? value / 1_000 : value);
  if (typeof value === "boolean") return String(value);
  const isWord = (one: unknown) => typeof one === "number" || (typeof one === "string" && one.length <= 40);
  if (Array.isArray(value)) return value.every(isWord) ? value.join(",") || "none" : undefined;
  return typeof value === "string" && isWord(value) ? value || '""' : undefined;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What of a context as a whole has changed. */
export interface ContextChange {
  /** As the file calls it. */
  part: string;
  /** `next-start`: only a new start of the provider has it. */
  effect: "in-place" | "next-start";
}

/** What the file says beside its tasks, and whether a provider that runs can take it over. */
const CONTEXT_PARTS = {
  contextId: { part: "ContextID", effect: "next-start" },
  logName: { part: "TaskLogName", effect: "in-place" },
  endpoints: { part: "FrontEndEndpoint, BackendEndpoint", effect: "next-start" },
  binds: { part: "FrontBind, BackendBind", effect: "next-start" },
  messaging: { part: "Messaging", effect: "next-start" },
  logs: { part: "Logs", effect: "in-place" },
  strategy: { part: "strategy", effect: "in-place" },
} as const satisfies Partial<Record<keyof ContextConfig, ContextChange>>;

export function contextChanges(old: ContextConfig, next: ContextConfig): ContextChange[] {
  return Object.entries(CONTEXT_PARTS).flatMap(([key, { part, effect }]) => {
    const name = key as keyof typeof CONTEXT_PARTS;
    if (isDeepStrictEqual(old[name], next[name])) return [];
    // Files are begun with the first task that prints, or never.
    const isSwitched = name === "logs" && (old.logs.totalMib === 0) !== (next.logs.totalMib === 0);
    return [{ part, effect: isSwitched ? "next-start" : effect }];
  });
}

/** The model that a provider has after a change: what only a new start changes stays as it was. */
export function takenOver(old: ContextConfig, next: ContextConfig): ContextConfig {
  const { contextId, endpoints, binds, messaging } = old;
  const isSwitched = contextChanges(old, next).some(({ part, effect }) => part === "Logs" && effect === "next-start");
  return { ...next, contextId, endpoints, binds, messaging, ...(isSwitched && { logs: old.logs }) };
}
