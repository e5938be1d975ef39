// Runs one task service in its process or thread: connects it to the provider and the forwarder, loads its module, runs
// its task, and waits until all it has announced has arrived. Its end is told to the provider alone, which announces it
// once the process is gone.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../deferred.ts";
import { reasonOf } from "../errors.ts";
import type { Inbox } from "../link/inbox.ts";
import { openOutbox } from "../link/outbox.ts";
import { STREAMS_TOPIC } from "../protocol/codec.ts";
import type { FromTask, ToTask } from "../protocol/pipe.ts";
import { sayWith } from "../protocol/said.ts";
import { type OwnAnnouncement, writeAnnouncement } from "./announcement.ts";
import { createBackpressure } from "./backpressure.ts";
import { connectBus } from "./connect-bus.ts";
import type { Task } from "./contract/task.ts";
import { connectControlInbox } from "./control-inbox.ts";
import { hasHandlers } from "./handlers/declared.ts";
import { type Handling, START_FAULT } from "./handlers/handler-host.ts";
import { type InForce, startHandlers } from "./handlers/handlers.ts";
import { createBusOpener } from "./handlers/lazy-bus.ts";
import type { Health } from "./health.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { loadService } from "./load-service.ts";
import { runTask } from "./run-task.ts";
import { createHandlerScope, createScope, type InnerScope, type ScopeEffects } from "./scope.ts";
import { tellStreamFigures } from "./stream-figures.ts";
import { createTaskOutput } from "./task-output.ts";

/** The way to the provider: the pipe of a process, or the port of a thread. */
export interface ProviderPipe {
  send(message: FromTask): void;
  /** Called with each message for this run, from the first on. */
  receive(handler: (message: ToTask) => void): void;
}

/** How long the provider may take to confirm what was announced, in milliseconds. */
const BYE_MS = 2_000;
/** How long nothing of what was printed may be read when the task ends, in milliseconds. */
const UNREAD_MS = 2_000;
/** The longest delay of a timer in Node; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Runs one task service to its end, and answers the exit code: 0, or 1 for a failure.
 *
 * @param options.isWorker - It runs beside the process that the provider has started, and does not announce its start.
 */
export async function runService(
  { run, start }: ToTask & { type: "start" },
  pipe: ProviderPipe,
  { isWorker = false } = {},
): Promise<number> {
  const outbox = openOutbox(start.endpoints.publish, run);
  // A thread that ends while its socket receives would abort the whole process.
  process.once("exit", outbox.abandon);
  const stop = new AbortController();
  const bye = deferred();
  const crash = deferred<never>();
  crash.promise.catch(() => {});
  const backpressure = createBackpressure(stop.signal);
  const output = createTaskOutput(process, stop.signal);
  pipe.receive((message) => {
    if (message.type === "stop") stop.abort();
    if (message.type === "bye") bye.resolve();
    if (message.type === "heard") backpressure.heard(message.sequence);
    if (message.type === "kill") process.exit(1);
  });
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, crash.reject);

  // A copy of what is published takes the pipe: the forwarder may lose a message, the pipe can't.
  function announce(announcement: OwnAnnouncement): number {
    const frame = writeAnnouncement(start, announcement);
    const sequence = outbox.publish(frame);
    pipe.send({ type: "announce", run, sequence, message: frame.body });
    return sequence;
  }

  let hasFailed = false;
  const inboxes: Inbox[] = [];
  let heartbeat: Heartbeat | undefined;
  let health: Health | undefined;
  const effects: ScopeEffects = {
    async announce(announcement) {
      hasFailed ||= announcement.action === "failed";
      await backpressure.after(announce(announcement));
      await output.caughtUp();
    },
    publish: outbox.publish,
    async listen(handler) {
      inboxes.push(await connectControlInbox(start, handler));
    },
    print: (stream, text, said) => output.print(stream, said === undefined ? text : sayWith(text, said)),
    async sleep(ms, signal) {
      await output.caughtUp();
      await pause(Math.min(ms, MAX_DELAY_MS), undefined, { signal });
    },
    openBus: () => busOpener.open(),
    orchestrate: async (action) => (await import("./orchestrator.ts")).orchestrate(start, action),
  };
  const busOpener = createBusOpener(() =>
    connectBus({
      src: `${start.contextId}/${start.serviceName}/${start.serviceId}`,
      onHandlerError: (error, what) => output.print("stderr", `${what}: ${textOf(error)}`),
    }),
  );

  /** @param reason - Why the task has failed; undefined where it ends well. */
  async function finish(reason: string | undefined): Promise<number> {
    endFigures();
    pipe.send({ type: "ending", run, reason });
    const timer = setTimeout(bye.resolve, BYE_MS);
    await bye.promise;
    clearTimeout(timer);
    await Promise.all([outbox.close(), output.emptied(UNREAD_MS)]);
    return reason === undefined && !hasFailed ? 0 : 1;
  }

  const endFigures = tellStreamFigures((streams) => {
    const said = { action: "streams", result: "success", items: { streams } } as const;
    outbox.publish({ ...writeAnnouncement(start, said), topic: STREAMS_TOPIC });
  });
  const { pid } = process;
  const { endpoints, contextFolder, stateFiles } = start;
  const own = createScope(start, effects, stop.signal);
  const scope: InnerScope<unknown> = { ...own, endpoints, contextFolder, stateFiles };
  try {
    const loaded = await loadService(start);
    if ("reason" in loaded) {
      const { reason, report } = loaded;
      process.stderr.write(`${report}\n`);
      if (!isWorker) announce({ action: "started", result: "failure", items: { pid, reason } });
      return await finish(reason);
    }
    // Started after the module is loaded, which may block the event loop for long without being a fault; and before the
    // task is known to run, since the provider counts silence from the first beat.
    heartbeat = startHeartbeat(start.heartbeatMs, (beat) => pipe.send({ type: "beat", run, ...beat }));
    const { task } = loaded;
    const handlers = await getReady(task);
    if (handlers !== undefined && "reason" in handlers) return await finish(handlers.reason);
    health?.started({ names: Object.keys(task.events ?? {}), group: task.group ?? start.serviceName });
    const urls = {
      ...(health && { health_url: health.url }),
      ...(handlers?.httpUrl !== undefined && { http_url: handlers.httpUrl }),
    };
    if (!isWorker) announce({ action: "started", result: "success", items: { pid, ...urls } });
    const ending = await runTask(task, scope, crash.promise, output.caughtUp);
    if (ending.action !== "failed") {
      await handlers?.stop(start.graceMs);
      return await finish(undefined);
    }
    printError(ending.error);
    return await finish(reasonOf(ending.error));
  } finally {
    heartbeat?.stop();
    await health?.[Symbol.asyncDispose]();
    await Promise.all([busOpener.close(), ...inboxes.map((inbox) => inbox.close())]);
  }

  /** Serves its health where the configuration asks for it. A worker has none of its own: they would share a port. */
  async function healthOf(): Promise<Health | undefined> {
    if (start.configuration.health_port === undefined || isWorker) return undefined;
    const { serveHealth } = await import("./health.ts");
    const source = { bus: busOpener.opened, isStopping: () => stop.signal.aborted };
    const served = await serveHealth(start.configuration, source);
    output.print("stdout", `health at ${served.url}`);
    return served;
  }

  /** Puts its handlers in force, or says why not; without a reason where it was told to stop before. */
  async function getReady(task: Task<unknown>): Promise<InForce | undefined | { reason: string | undefined }> {
    const scopeOf = (handling: Handling) => createHandlerScope(scope, effects, handling);
    try {
      health = await healthOf();
      const streams = task.streams && (await import("./handlers/streams.ts")).makeStreams(task, scope);
      const handling = hasHandlers(task) ? startHandlers(effects.openBus, { task, scope, scopeOf }) : undefined;
      const handlers = await Promise.race([handling, crash.promise]);
      if (streams === undefined) return handlers;
      await Promise.race([streams.start(), crash.promise]);
      return {
        httpUrl: handlers?.httpUrl,
        async stop(graceMs) {
          // Their handlers may still use the bus.
          await streams.stop(graceMs);
          await handlers?.stop(graceMs);
        },
      };
    } catch (error) {
      if (stop.signal.aborted) return { reason: undefined };
      printError(error);
      const reason = reasonOf(error);
      if (!isWorker) announce({ action: "started", result: "failure", items: { pid, reason, code: START_FAULT } });
      return { reason };
    }
  }
}

function printError(error: unknown): void {
  process.stderr.write(`${textOf(error)}\n`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
