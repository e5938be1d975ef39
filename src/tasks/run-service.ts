// Runs one task service in its process or thread: connects it to the provider and the forwarder, loads its module, runs
// its task, and waits until its last announcement has arrived.
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { deferred } from "../deferred.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import type { Inbox } from "../link/inbox.ts";
import { openOutbox } from "../link/outbox.ts";
import type { FromTask, StartData, ToTask } from "../protocol/pipe.ts";
import { type OwnAnnouncement, writeAnnouncement } from "./announcement.ts";
import { createBackpressure } from "./backpressure.ts";
import { connectControlInbox } from "./control-inbox.ts";
import type { Service } from "./define.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { runTask } from "./run-task.ts";
import { createScope, type InnerScope, type ScopeEffects } from "./scope.ts";
import { describeTask, isTask } from "./task-check.ts";
import { createTaskOutput } from "./task-output.ts";

/** The way to the provider: the pipe of a process, or the port of a thread. */
export interface ProviderPipe {
  send(message: FromTask): void;
  /** Called with each message for this run, from the first on. */
  receive(handler: (message: ToTask) => void): void;
}

/** How long the provider may take to confirm the last announcement, in milliseconds. */
const BYE_MS = 2_000;
/** How long what was printed may take to be read when the task ends, in milliseconds. */
const READ_MS = 2_000;
/** The longest delay of a timer in Node; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Runs one task service to its last announcement, and answers the exit code: 0, or 1 for a failure. */
export async function runService({ run, start }: ToTask & { type: "start" }, pipe: ProviderPipe): Promise<number> {
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
  function announce(announcement: OwnAnnouncement, isLast = false): number {
    const frame = writeAnnouncement(start, announcement);
    const sequence = outbox.publish(frame);
    pipe.send({ type: "announce", run, sequence, message: frame.body, isLast });
    return sequence;
  }

  let hasFailed = false;
  const inboxes: Inbox[] = [];
  let heartbeat: Heartbeat | undefined;
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
    print: output.print,
    async sleep(ms) {
      await output.caughtUp();
      await pause(Math.min(ms, MAX_DELAY_MS), undefined, { signal: stop.signal });
    },
  };

  async function finish(last: OwnAnnouncement): Promise<number> {
    announce(last, true);
    const timer = setTimeout(bye.resolve, BYE_MS);
    await bye.promise;
    clearTimeout(timer);
    await Promise.all([outbox.close(), output.emptied(READ_MS)]);
    return last.result === "success" && !hasFailed ? 0 : 1;
  }

  const { pid } = process;
  const scope: InnerScope<unknown> = { endpoints: start.endpoints, ...createScope(start, effects, stop.signal) };
  try {
    const service = await loadService(start).catch((error: unknown) => error);
    if (!isService(service)) {
      printError(service);
      return await finish({ action: "started", result: "failure", items: { pid, reason: reasonOf(service) } });
    }
    // Started after the module is loaded, which may block the event loop for long without being a fault; and before the
    // task is known to run, since the provider counts silence from the first beat.
    heartbeat = startHeartbeat(start.heartbeatMs, (beat) => pipe.send({ type: "beat", run, ...beat }));
    announce({ action: "started", result: "success", items: { pid } });
    const ending = await runTask(service.task, scope, crash.promise, output.caughtUp);
    if (ending.action === "failed") printError(ending.error);
    return await finish(ending);
  } finally {
    heartbeat?.stop();
    await Promise.all(inboxes.map((inbox) => inbox.close()));
  }
}

function printError(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
}

/** @throws {ZcontextError} `ERR_SERVICE_INVALID`. */
async function loadService({ module, instance }: StartData): Promise<Service> {
  const exported = memberOf(await importModule(module, instance), "default");
  // A CommonJS module that was compiled from `export default` has it one level further down.
  const service = memberOf(exported, "default") ?? exported;
  if (isService(service)) return service;
  throw new ZcontextError(
    "ERR_SERVICE_INVALID",
    `Service${instance}: expected \`export default defineService({ name, description, task })\`, got ${describe(service)}`,
  );
}

async function importModule(module: string, instance: string): Promise<unknown> {
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
  const task = memberOf(value, "task");
  return task === undefined ? `${value === null ? "null" : typeof value} without a task` : describeTask(task);
}

function isService(value: unknown): value is Service {
  return isTask(memberOf(value, "task"));
}

function memberOf(value: unknown, name: string): unknown {
  return Reflect.get(Object(value), name);
}
