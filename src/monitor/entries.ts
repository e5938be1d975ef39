// Builds the entries of `monitor` and `reply_top`: what the record of a task says, and the figures of its processes. Pure.
import type { Json, JsonObject } from "../protocol/json.ts";
import type { StreamFigures } from "../protocol/stream-figures.ts";
import type { TaskRecord } from "../protocol/task-record.ts";
import { MIB_BYTES } from "../units.ts";
import type { ProcessFigures } from "./figures.ts";
import type { Sample } from "./sample.ts";

/** A transaction whose processes are sampled. */
export interface MonitoredTransaction {
  transaction: string;
  tasks: readonly MonitoredTask[];
}

/** What the entries take of a task's record. A task without a living process has no pid and no entry. */
export type MonitoredTask = Pick<
  TaskRecord,
  "service_id" | "serviceName" | "instance" | "action" | "state" | "lifecycle" | "runs" | "pid"
> & {
  /** The last heartbeat, of a task that sends them. */
  beat?: { delayMs?: Json; heapBytes?: Json; handles?: Json };
  /** What it has counted of the queues that it sends to and consumes; absent where it has none. */
  streams?: readonly StreamFigures[];
  /** How much memory its processes may take, in MiB. */
  memoryMaxMib?: number;
};

/** The figures of a process that has ended, until the provider has noticed. */
export const GONE: JsonObject = { status: "gone" };

/** An entry of `monitor`. */
export function entryOf(
  { service_id, action, state, lifecycle, runs, pid, beat, streams }: MonitoredTask,
  memory: JsonObject,
): JsonObject {
  return {
    ...memory,
    ...loopOf(beat),
    ...streamsOf(streams),
    serviceId: service_id,
    action,
    state,
    lifecycle,
    runs,
    pid,
  };
}

/** An entry of `reply_top`. */
export function topEntryOf(
  { instance, pid, serviceName, service_id, streams }: MonitoredTask,
  memory: JsonObject,
): JsonObject {
  return { instance, memory, pid, serviceName, service_id, ...streamsOf(streams) };
}

/** Undefined for a task without a process, and for one that started after the sample. */
export function memoryOf(task: MonitoredTask, sample: Sample): JsonObject | undefined {
  const figures = figuresIn(sample, task);
  if (figures !== undefined) return figures;
  return task.pid !== null && sample.gone.has(task.pid) ? GONE : undefined;
}

export function figuresIn(sample: Sample, { pid }: MonitoredTask): ProcessFigures | undefined {
  return pid === null ? undefined : sample.get(pid);
}

export function pidsOf({ tasks }: MonitoredTransaction): number[] {
  return tasks.flatMap(({ pid }) => asList(pid));
}

export function asList<T>(value: T | null | undefined): T[] {
  return value === null || value === undefined ? [] : [value];
}

function streamsOf(streams: MonitoredTask["streams"]): JsonObject {
  return streams === undefined ? {} : { streams: [...streams] };
}

function loopOf(beat: MonitoredTask["beat"]): JsonObject {
  if (beat === undefined) return {};
  const { delayMs = null, heapBytes = null, handles = null } = beat;
  return { loop_delay_ms: delayMs, heap: Number(heapBytes) / MIB_BYTES, handles };
}
