/// <reference types="node" preserve="true" />
// Runs a task in a test, as a task process would, but without provider, bus and clock. The reference above brings the
// types of `node:test` along to whoever imports this.
import { setImmediate as breathe } from "node:timers/promises";
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "../protocol/codec.ts";
import { deviceActionOf } from "../protocol/message.ts";
import { readAnnouncement, type Said, writeAnnouncement } from "./announcement.ts";
import type { Announcement, Items, Task } from "./define.ts";
import { createScope, type World } from "./scope.ts";
import { describeTask, isTask } from "./task.ts";
import { work } from "./work.ts";

export interface RehearsalOptions<Configuration> {
  /** The `<configuration>` of the context file. */
  configuration?: Configuration;
  /** How often a looped task runs before it is told to stop. Default: 1. */
  rounds?: number;
  transaction?: string;
  serviceId?: string;
  serviceName?: string;
  contextId?: string;
  /** Tells the task to stop. A `run()` that goes round in itself until then needs one, `AbortSignal.timeout(100)` say. */
  signal?: AbortSignal;
  /** What other tasks announce: each `onControl` handler hears it, before the task's own announcements. */
  hears?: readonly Announcement[];
}

/** What a task said and did. */
export interface Rehearsal {
  /** From `started` to `stopped`, or to `failed` with the reason when it has thrown. */
  announcements: Announcement[];
  /** Messages on topics of its own. */
  published: { topic: string; content: Items }[];
  /** What it has logged, one text for each call. */
  printed: string[];
  /** What it has thrown, if it has. */
  error?: unknown;
}

/** The options of a rehearsal; they may be left out where nothing of the configuration is needed. */
type OptionsFor<Configuration> =
  Partial<Configuration> extends Configuration
    ? [options?: RehearsalOptions<Configuration>]
    : [options: RehearsalOptions<Configuration> & { configuration: Configuration }];

/**
 * Runs a task to its end and resolves with what it said and did; also when it fails. `scope.sleep` takes no time, and
 * announcements hold what JSON makes of them.
 *
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` for something that is no task.
 */
export async function rehearse<Configuration>(
  task: Task<Configuration>,
  ...[options = {}]: OptionsFor<Configuration>
): Promise<Rehearsal> {
  if (!isTask(task)) {
    const expected = "expected a task as defineTask({ kind, run }) makes it";
    throw new ZcontextError("ERR_SERVICE_INVALID", `rehearse: ${expected}, got ${describeTask(task)}`);
  }
  const { rounds = 1, signal } = options;
  const stop = new AbortController();
  const stage = openStage(options, stop.signal);
  const tellToStop = () => stop.abort();
  if (signal?.aborted) stop.abort();
  signal?.addEventListener("abort", tellToStop);
  try {
    stage.announce({ action: "started", result: "success", items: { pid: process.pid } });
    const { error, ...last } = await work(upTo(rounds, task, tellToStop), stage.scope, stage.crash);
    stage.announce(last);
    await stage.close();
    return { ...stage.record, ...(last.action === "failed" ? { error } : {}) };
  } finally {
    signal?.removeEventListener("abort", tellToStop);
    // Here no process ends that would take along what the task has left open.
    stop.abort();
  }
}

/** The task, told to stop after so many rounds if it is a looped one. */
function upTo<Configuration>(rounds: number, task: Task<Configuration>, tellToStop: () => void): Task<Configuration> {
  let done = 0;
  return {
    kind: task.kind,
    async run(scope) {
      await task.run(scope);
      done += 1;
      if (task.kind === "looped" && done >= rounds) tellToStop();
    },
  };
}

/** The world of a rehearsal: everything is recorded, and nothing of it reaches further. */
function openStage<Configuration>(options: RehearsalOptions<Configuration>, signal: AbortSignal) {
  const { hears = [], ...about } = options;
  const { configuration = {} as Configuration } = about;
  const who = {
    configuration,
    transaction: about.transaction ?? "T1",
    serviceId: about.serviceId ?? "ts001",
    serviceName: about.serviceName ?? "rehearsed",
    contextId: about.contextId ?? "context001",
    deviceAction: deviceActionOf({ configuration: configuration as object }),
  };
  const record: Rehearsal = { announcements: [], published: [], printed: [] };
  const handlers: ((announcement: Announcement) => void)[] = [];
  const crash = deferred<never>();
  crash.promise.catch(() => {});
  let isOver = false;

  // Later, as from the bus; never within the call that announces.
  function tell(handler: (typeof handlers)[number], announcement: Announcement): void {
    setImmediate(() => {
      try {
        handler(announcement);
      } catch (error) {
        crash.reject(error);
      }
    });
  }

  function announce(said: Said): void {
    const announcement = readAnnouncement(travel(writeAnnouncement(who, said)), who.transaction);
    if (isOver || announcement === undefined) return;
    record.announcements.push(announcement);
    for (const handler of handlers) tell(handler, announcement);
  }

  const world: World = {
    announce: async (said) => announce(said),
    publish(frame) {
      const { topic, body } = travel(frame);
      if (!isOver) record.published.push({ topic, content: (body as { content: Items }).content });
    },
    async listen(handler) {
      handlers.push(handler);
      for (const announcement of hears) tell(handler, announcement);
      await breathe();
    },
    print(_stream, text) {
      if (!isOver) record.printed.push(`${text}`);
    },
    async sleep() {
      // What still goes round after the end would have ended with its process.
      if (isOver) await new Promise(() => {});
      await breathe(undefined, { signal });
    },
  };

  return {
    scope: createScope(who, world, signal),
    record,
    crash: crash.promise,
    announce,
    /** Resolves when all that was announced has been heard. */
    async close() {
      isOver = true;
      await breathe();
    },
  };
}

/** A frame as whoever listens gets it. */
function travel(frame: Frame): Frame {
  return decodeFrame(encodeFrame(frame));
}
