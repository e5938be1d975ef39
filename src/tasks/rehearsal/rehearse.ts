/// <reference types="node" preserve="true" />
// Runs a task in a test, as a task process would, but without provider, forwarder and clock, and with a bus in memory. The
// reference above brings the types of `node:test` along for the tests that import this.
import { setImmediate as nextTurn } from "node:timers/promises";
import { deferred } from "../../deferred.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../protocol/codec.ts";
import { deviceActionOf } from "../../protocol/message.ts";
import { type OwnAnnouncement, readAnnouncement, writeAnnouncement } from "../announcement.ts";
import type { Announcement, Handlers, Items, Json, Task, TaskScope } from "../contract/task.ts";
import { hasHandlers, streamsOf } from "../handlers/declared.ts";
import { type Handling, START_FAULT } from "../handlers/handler-host.ts";
import { type InForce, startHandlers } from "../handlers/handlers.ts";
import { createBusOpener } from "../handlers/lazy-bus.ts";
import { runTask } from "../run-task.ts";
import { createHandlerScope, createScope, type ScopeEffects } from "../scope.ts";
import { describeTask, isTask } from "../task-check.ts";
import { createRehearsalBus, noteActions, type RehearsalBus, type Said, type Stage } from "./rehearsal-bus.ts";

export {
  type AzureSimulator,
  type AzureSimulatorOptions,
  type DeviceMessage,
  startAzureSimulator,
} from "../../hub/simulator/azure-simulator.ts";
export {
  createMemoryBroker,
  type MemoryBroker,
  type MemoryOptions,
} from "../../messaging/engines/memory/memory-engine.ts";
export type { Said, Stage } from "./rehearsal-bus.ts";

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
  /**
   * Plays the other services once the task has started. The task is told to stop when it resolves; a looped one not before
   * its rounds are over. What it throws, such as an assertion, rejects the rehearsal.
   */
  plays?(stage: Stage): Promise<void> | void;
  /** Further services, by name: what they do when the task calls them, or sends them an action. */
  // biome-ignore lint/suspicious/noExplicitAny: each task knows the shape of its own configuration.
  beside?: { [serviceName: string]: Handlers<any> };
  /** How long the task has to stop, in milliseconds: half of it for handlers under way, a quarter for `stop`. Default: 10_000. */
  graceMs?: number;
  /** Announcements of other tasks. Each `onControl` handler gets them, before the task's own. */
  hears?: readonly Announcement[];
}

/** What a task said and did. */
export interface Rehearsal extends Said {
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
  const { signal, beside = {}, graceMs = GRACE_MS } = options;
  const stop = new AbortController();
  const bus = createRehearsalBus(aboutOf(options));
  const recorder = createRecorder(options, stop.signal, bus);
  const tellToStop = () => stop.abort();
  if (signal?.aborted) stop.abort();
  signal?.addEventListener("abort", tellToStop);
  try {
    for (const [name, other] of Object.entries(beside)) await playBeside(name, other, bus, stop.signal);
    const handlers = hasHandlers(task) ? await recorder.startHandlers(task) : undefined;
    if (handlers !== undefined && "error" in handlers) return { ...recorder.rehearsal, error: handlers.error };
    recorder.announce({ action: "started", result: "success", items: { pid: process.pid } });
    const play = playOn(bus, options, (queue, message) => sendTo(task, recorder.scope, { queue, message }));
    const { error, ...last } = await runTask(
      withPlay(task, { ...options, play, tellToStop }),
      recorder.scope,
      recorder.crash,
    );
    if (last.action !== "failed") {
      await play;
      await handlers?.stop(graceMs);
    }
    recorder.announce(last);
    await recorder.close();
    return { ...recorder.rehearsal, ...(last.action === "failed" ? { error } : {}) };
  } finally {
    signal?.removeEventListener("abort", tellToStop);
    // A task process would end here; in the test's process, what the task has left open must be told to stop.
    stop.abort();
    await bus.end();
  }
}

/** The default grace period of a task process, in milliseconds. */
const GRACE_MS = 10_000;

/** The test's part, which begins once the task has started. */
function playOn(
  bus: RehearsalBus,
  { plays }: Pick<RehearsalOptions<never>, "plays">,
  send: Stage["send"],
): Promise<void> {
  const play = plays === undefined ? Promise.resolve() : bus.stage(send).then(plays);
  play.catch(() => {}); // awaited where the task has not failed
  return play;
}

/** As a protocol would: a copy of the message, to the handler of its queue. */
async function sendTo<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
  { queue, message }: { queue: string; message: Json },
): Promise<void> {
  const streams = streamsOf(task, scope.configuration);
  const stream = Object.hasOwn(streams, queue) ? streams[queue] : undefined;
  if (stream === undefined) {
    const consumed = Object.keys(streams).join(", ") || "none";
    throw new ZcontextError("ERR_QUEUE_NAME", `the task does not consume the queue ${queue}; it consumes ${consumed}`);
  }
  const about = { queue, protocol: stream.protocol ?? "rehearsal", attempt: 1, signal: scope.signal };
  await stream.handle(structuredClone(message), scope, about);
}

interface Direction {
  rounds?: number;
  play: Promise<void>;
  tellToStop(): void;
}

/** The task, told to stop once the play is over, and a looped one after so many rounds. */
function withPlay<Configuration>(
  task: Task<Configuration>,
  { rounds = 1, play, tellToStop }: Direction,
): Task<Configuration> {
  const { run } = task;
  const over = play.catch(() => {});
  if (run === undefined) {
    over.then(tellToStop);
    return task;
  }
  let done = 0;
  return {
    kind: task.kind,
    async run(scope) {
      await run.call(task, scope);
      done += 1;
      if (task.kind !== "looped" || done < rounds) return;
      await over;
      tellToStop();
    },
  };
}

/** Another service of the rehearsal. What it says and prints is not recorded. */
async function playBeside(
  serviceName: string,
  handlers: Handlers<unknown>,
  bus: RehearsalBus,
  signal: AbortSignal,
): Promise<void> {
  const other = { ...bus, connect: () => bus.connectOther(serviceName) };
  const { startHandlers } = createRecorder({ serviceName, serviceId: serviceName }, signal, other);
  const started = await startHandlers(handlers);
  if ("error" in started) throw started.error;
}

function aboutOf<Configuration>(options: RehearsalOptions<Configuration>) {
  const { configuration = {} as Configuration } = options;
  return {
    configuration,
    transaction: options.transaction ?? "T1",
    serviceId: options.serviceId ?? "ts001",
    serviceName: options.serviceName ?? "rehearsed",
    contextId: options.contextId ?? "context001",
    deviceAction: deviceActionOf({ configuration: configuration as object }),
  };
}

/** A scope whose effects are recorded and reach nothing but the bus of the rehearsal. */
function createRecorder<Configuration>(
  options: RehearsalOptions<Configuration>,
  signal: AbortSignal,
  bus: RehearsalBus,
) {
  const { hears = [] } = options;
  const about = aboutOf(options);
  const { said } = bus;
  const rehearsal: Rehearsal = { announcements: [], published: [], printed: [], ...said };
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
    async sleep(_ms, ofScope) {
      // Work that goes on after the end would have ended with its process: it never wakes.
      if (isOver) await new Promise(() => {});
      await nextTurn(undefined, { signal: ofScope });
    },
    openBus: () => opener.open(),
  };
  const opener = createBusOpener(() =>
    bus.connect((error, what) => {
      effects.print("stderr", `${what}: ${reasonOf(error)}`);
    }),
  );
  const scope = noteActions(createScope(about, effects, signal), said);
  const scopeOf = (handling: Handling) => noteActions(createHandlerScope(scope, effects, handling), said);

  return {
    scope,
    /** The handlers of the task in force, or the error that keeps it from starting. */
    async startHandlers(task: Task<Configuration>): Promise<InForce | { error: unknown }> {
      try {
        return await startHandlers(effects.openBus, { task, scope, scopeOf });
      } catch (error) {
        const items = { pid: process.pid, reason: reasonOf(error), code: START_FAULT };
        announce({ action: "started", result: "failure", items });
        return { error };
      }
    },
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
