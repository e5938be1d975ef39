/// <reference types="node" preserve="true" />
// Runs a task in a test, as a task process would, but without provider, forwarder and clock. The reference above brings
// the types of `node:test` along for the tests that import this.
import { setImmediate as nextTurn } from "node:timers/promises";
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "../protocol/codec.ts";
import { deviceActionOf } from "../protocol/message.ts";
import { type OwnAnnouncement, readAnnouncement, writeAnnouncement } from "./announcement.ts";
import type { Announcement, Items, Task } from "./define.ts";
import { runTask } from "./run-task.ts";
import { createScope, type ScopeEffects } from "./scope.ts";
import { describeTask, isTask } from "./task-check.ts";

export interface RehearsalOptions<Configuration> {
  /** The task's `<configuration>` in the context file. */
  configuration?: Configuration;
  /** How often a looped task runs before it is told to stop. Default: 1. */
  rounds?: number;
  /** What the scope has as its transaction. Default: `T1`. */
  transaction?: string;
  /** What the scope has as the task's id. Default: `ts001`. */
  serviceId?: string;
  /** What the scope has as the task's service name. Default: `rehearsed`. */
  serviceName?: string;
  /** What the scope has as the context's id. Default: `context001`. */
  contextId?: string;
  /** Tells the task to stop. A `run()` that never returns by itself needs one, such as `AbortSignal.timeout(100)`. */
  signal?: AbortSignal;
  /** Announcements of other tasks. Each `onControl` handler gets them, before the task's own. */
  hears?: readonly Announcement[];
}

/** What a task said and did. */
export interface Rehearsal {
  /** From `started` to `stopped`, or to `failed` with the reason if it has thrown. */
  announcements: Announcement[];
  /** Messages on topics of its own. */
  published: { topic: string; content: Items }[];
  /** What it has logged, one text for each call. */
  printed: string[];
  /** What it has thrown, if it has. */
  error?: unknown;
}

/** The options of a rehearsal. They may be left out if the task needs nothing of its configuration. */
type OptionsFor<Configuration> =
  Partial<Configuration> extends Configuration
    ? [options?: RehearsalOptions<Configuration>]
    : [options: RehearsalOptions<Configuration> & { configuration: Configuration }];

/**
 * Runs a task to its end. Resolves with what it said and did, also if it fails. `scope.sleep` takes no time, and
 * announcements hold what JSON makes of their items.
 *
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` for a value that is no task.
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
  const recorder = createRecorder(options, stop.signal);
  const tellToStop = () => stop.abort();
  if (signal?.aborted) stop.abort();
  signal?.addEventListener("abort", tellToStop);
  try {
    recorder.announce({ action: "started", result: "success", items: { pid: process.pid } });
    const { error, ...last } = await runTask(upTo(rounds, task, tellToStop), recorder.scope, recorder.crash);
    recorder.announce(last);
    await recorder.close();
    return { ...recorder.rehearsal, ...(last.action === "failed" ? { error } : {}) };
  } finally {
    signal?.removeEventListener("abort", tellToStop);
    // A task process would end here; in the test's process, what the task has left open must be told to stop.
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

/** A scope whose effects are recorded and reach nothing else. */
function createRecorder<Configuration>(options: RehearsalOptions<Configuration>, signal: AbortSignal) {
  const { hears = [], ...given } = options;
  const { configuration = {} as Configuration } = given;
  const about = {
    configuration,
    transaction: given.transaction ?? "T1",
    serviceId: given.serviceId ?? "ts001",
    serviceName: given.serviceName ?? "rehearsed",
    contextId: given.contextId ?? "context001",
    deviceAction: deviceActionOf({ configuration: configuration as object }),
  };
  const rehearsal: Rehearsal = { announcements: [], published: [], printed: [] };
  const handlers: ((announcement: Announcement) => void)[] = [];
  const crash = deferred<never>();
  crash.promise.catch(() => {});
  let isOver = false;

  // In a later turn, as a message would come; never within the call that announces.
  function deliver(announcement: Announcement, handler: (typeof handlers)[number]): void {
    setImmediate(() => {
      try {
        handler(announcement);
      } catch (error) {
        crash.reject(error);
      }
    });
  }

  function announce(own: OwnAnnouncement): void {
    const announcement = readAnnouncement(asReceived(writeAnnouncement(about, own)), about.transaction);
    if (isOver || announcement === undefined) return;
    rehearsal.announcements.push(announcement);
    for (const handler of handlers) deliver(announcement, handler);
  }

  const effects: ScopeEffects = {
    announce: async (own) => announce(own),
    publish(frame) {
      const { topic, body } = asReceived(frame);
      if (!isOver) rehearsal.published.push({ topic, content: (body as { content: Items }).content });
    },
    async listen(handler) {
      handlers.push(handler);
      for (const announcement of hears) deliver(announcement, handler);
      await nextTurn();
    },
    print(_stream, text) {
      if (!isOver) rehearsal.printed.push(`${text}`);
    },
    async sleep() {
      // Work that goes on after the end would have ended with its process: it never wakes.
      if (isOver) await new Promise(() => {});
      await nextTurn(undefined, { signal });
    },
  };

  return {
    scope: createScope(about, effects, signal),
    rehearsal,
    crash: crash.promise,
    announce,
    /** Resolves when all that was announced has been delivered. */
    async close() {
      isOver = true;
      await nextTurn();
    },
  };
}

/** A frame as its subscribers get it. */
function asReceived(frame: Frame): Frame {
  return decodeFrame(encodeFrame(frame));
}
