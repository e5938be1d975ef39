import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { deferred } from "../deferred.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import type { Inbox } from "../link/inbox.ts";
import { openOutbox } from "../link/outbox.ts";
import type { FromTask, StartData, ToTask } from "../protocol/pipe.ts";
import { type Said, writeAnnouncement } from "./announcement.ts";
import { createPace } from "./backpressure.ts";
import { type Beats, startBeats } from "./beat.ts";
import type { Service } from "./define.ts";
import { listenToControl } from "./listen.ts";
import { createPrinter } from "./printer.ts";
import { createScope, type InnerScope, type World } from "./scope.ts";
import { describeTask, isTask } from "./task.ts";
import { work } from "./work.ts";

/** The way to the provider: the pipe of a process, or the port of a thread. */
export interface Link {
  send(message: FromTask): void;
  /** Called with each message for this run, from the first on. */
  receive(handler: (message: ToTask) => void): void;
}

/** How long the provider may take to say that it has heard the last announcement, in milliseconds. */
const BYE_MS = 2_000;
/** How long what was printed may take to be read when the task ends, in milliseconds. */
const READ_MS = 2_000;

/** Runs one task service from its start data to its last announcement, and answers the exit code: 0, or 1 for a failure. */
export async function runService({ run, start }: ToTask & { type: "start" }, link: Link): Promise<number> {
  const outbox = openOutbox(start.endpoints.publish, run);
  // A thread that ends over a pending receive would abort the process it shares.
  process.once("exit", outbox.abandon);
  const stop = new AbortController();
  const bye = deferred();
  const crash = deferred<never>();
  crash.promise.catch(() => {});
  const pace = createPace(stop.signal);
  const printer = createPrinter(process, stop.signal);
  link.receive((message) => {
    if (message.type === "stop") stop.abort();
    if (message.type === "bye") bye.resolve();
    if (message.type === "heard") pace.heard(message.sequence);
    if (message.type === "kill") process.exit(1);
  });
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, crash.reject);

  // What is published goes to the provider on the pipe as well: the bus may lose it, the pipe can't.
  function announce(said: Said, isLast = false): number {
    const frame = writeAnnouncement(start, said);
    const sequence = outbox.publish(frame);
    link.send({ type: "announce", run, sequence, message: frame.body as { [key: string]: never }, isLast });
    return sequence;
  }

  let failed = false;
  const inboxes: Inbox[] = [];
  let beats: Beats | undefined;
  const world: World = {
    async announce(said) {
      failed ||= said.action === "failed";
      await pace.after(announce(said));
      await printer.caughtUp();
    },
    publish: outbox.publish,
    async listen(handler) {
      inboxes.push(await listenToControl(start, handler));
    },
    print: printer.print,
    async sleep(ms) {
      await printer.caughtUp();
      // A longer timer would fire at once.
      await pause(Math.min(ms, 2 ** 31 - 1), undefined, { signal: stop.signal });
    },
  };

  async function leave(last: Said): Promise<number> {
    announce(last, true);
    const timer = setTimeout(bye.resolve, BYE_MS);
    await bye.promise;
    clearTimeout(timer);
    await Promise.all([outbox.close(), printer.emptied(READ_MS)]);
    return last.result === "success" && !failed ? 0 : 1;
  }

  const { pid } = process;
  const scope: InnerScope<unknown> = { endpoints: start.endpoints, ...createScope(start, world, stop.signal) };
  try {
    const service = await loadService(start).catch((error: unknown) => error);
    if (!isService(service)) {
      complain(service);
      return await leave({ action: "started", result: "failure", items: { pid, reason: reasonOf(service) } });
    }
    announce({ action: "started", result: "success", items: { pid } });
    // Loading a module may hold up the loop for long, and is no reason to suspect it: the first beat comes after it.
    beats = startBeats(start.heartbeatMs, (beat) => link.send({ type: "beat", run, ...beat }));
    const ending = await work(service.task, scope, crash.promise, printer.caughtUp);
    if (ending.action === "failed") complain(ending.error);
    return await leave(ending);
  } finally {
    beats?.stop();
    await Promise.all(inboxes.map((inbox) => inbox.close()));
  }
}

function complain(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}

async function loadService({ module, instance }: StartData): Promise<Service> {
  const { default: exported } = await importModule(module, instance);
  // A CommonJS module that was compiled from `export default` has it one level further down.
  const service = exported?.default ?? exported;
  if (isService(service)) return service;
  throw new ZcontextError(
    "ERR_SERVICE_INVALID",
    `Service${instance}: expected \`export default defineService({ name, description, task })\`, got ${describe(service)}`,
  );
}

async function importModule(module: string, instance: string): Promise<{ default?: { default?: unknown } }> {
  try {
    return await import(pathToFileURL(module).href);
  } catch (error) {
    throw new ZcontextError("ERR_SERVICE_INVALID", `Service${instance} (${module}) does not load: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "no default export";
  const { task } = (value ?? {}) as Partial<Service>;
  return task === undefined ? `${value === null ? "null" : typeof value} without a task` : describeTask(task);
}

function isService(value: unknown): value is Service {
  return isTask((value as Service | null | undefined)?.task);
}
