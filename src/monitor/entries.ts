// What is told of the tasks of a transaction: what is known of each, and the figures of its processes, as one entry. Pure.
import type { Json, JsonObject } from "../protocol/json.ts";
import { MIB_BYTES } from "../units.ts";
import type { ProcessFigures } from "./figures.ts";
import type { Sample } from "./sample.ts";

/** A transaction whose processes are watched. */
export interface Watched {
  transaction: string;
  tasks: readonly WatchedTask[];
}

/** A task as its record shows it; one without a living process has no pid and is passed over. */
export interface WatchedTask {
  service_id: string;
  serviceName: string;
  instance: string;
  action: string;
  state: string;
  lifecycle: string;
  runs: number;
  pid: number | null;
  /** What its event loop has said last, where it has one of ours. */
  beat?: { delayMs?: Json; heapBytes?: Json; handles?: Json };
}

/** What is known of a process that has vanished, until the provider has noticed. */
export const GONE: JsonObject = { status: "gone" };

/** An entry of `monitor`. */
export function entryOf(
  { service_id, action, state, lifecycle, runs, pid, beat }: WatchedTask,
  memory: JsonObject,
): JsonObject {
  return { ...memory, ...loopOf(beat), serviceId: service_id, action, state, lifecycle, runs, pid };
}

/** An entry of `reply_top`. */
export function topEntryOf({ instance, pid, serviceName, service_id }: WatchedTask, memory: JsonObject): JsonObject {
  return { instance, memory, pid, serviceName, service_id };
}

/** Undefined for a task without a process, and for one that started after the sample. */
export function memoryOf(task: WatchedTask, sample: Sample): JsonObject | undefined {
  const figures = figuresIn(sample, task);
  if (figures !== undefined) return asJson(figures);
  return task.pid !== null && sample.gone.has(task.pid) ? GONE : undefined;
}

export function figuresIn(sample: Sample, { pid }: WatchedTask): ProcessFigures | undefined {
  return pid === null ? undefined : sample.get(pid);
}

export function pidsOf({ tasks }: Watched): number[] {
  return tasks.flatMap(({ pid }) => asList(pid));
}

export function asList<T>(value: T | null | undefined): T[] {
  return value === null || value === undefined ? [] : [value];
}

/** The same figures, for whoever only reads them. */
export function asJson(figures: object): JsonObject {
  return figures as unknown as JsonObject;
}

function loopOf(beat: WatchedTask["beat"]): JsonObject {
  if (beat === undefined) return {};
  const { delayMs = null, heapBytes = null, handles = null } = beat;
  return { loop_delay_ms: delayMs, heap: Number(heapBytes) / MIB_BYTES, handles };
}
