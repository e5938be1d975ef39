import { setImmediate as breathe } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { openOutbox } from "../bus/outbox.ts";
import { deferred } from "../deferred.ts";
import { ContextError, reasonOf } from "../errors.ts";
import { writeMessage } from "../protocol/message.ts";
import type { FromTask, StartData, ToTask } from "../protocol/pipe.ts";
import type { Items, Service, Task, TaskScope } from "./define.ts";
import { createPace } from "./pace.ts";
import { openScope } from "./scope.ts";

/** The way to the provider: the pipe of a process, or the port of a thread. */
export interface Link {
  send(message: FromTask): void;
  /** Called with each message for this run, from the first on. */
  receive(handler: (message: ToTask) => void): void;
}

/** How long the provider may take to say that it has heard the last announcement, in milliseconds. */
const BYE_MS = 2_000;

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
  link.receive((message) => {
    if (message.type === "stop") stop.abort();
    if (message.type === "bye") bye.resolve();
    if (message.type === "heard") pace.heard(message.sequence);
    if (message.type === "kill") process.exit(1);
  });
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, crash.reject);

  // What is published goes to the provider on the pipe as well: the bus may lose it, the pipe can't.
  function announce(action: string, result: "success" | "failure", items: Items, isLast = false): number {
    const header = {
      action,
      serviceId: start.serviceId,
      serviceName: start.serviceName,
      transaction: start.transaction,
    };
    const frame = writeMessage({
      kind: "control",
      header,
      status: { device_action: start.deviceAction, result, ...items },
    });
    const sequence = outbox.publish(frame);
    link.send({ type: "announce", run, sequence, message: frame.body as { [key: string]: never }, isLast });
    return sequence;
  }

  let failed = false;
  const voice = {
    announce(action: string, result: "success" | "failure", items: Items) {
      failed ||= action === "failed";
      return pace.after(announce(action, result, items));
    },
    publish: (frame: Parameters<typeof outbox.publish>[0]) => outbox.publish(frame),
  };

  async function leave(action: string, result: "success" | "failure", items: Items): Promise<number> {
    announce(action, result, items, true);
    const timer = setTimeout(bye.resolve, BYE_MS);
    await bye.promise;
    clearTimeout(timer);
    await outbox.close();
    return result === "success" && !failed ? 0 : 1;
  }

  const { pid } = process;
  const opened = openScope(start, voice, stop.signal);
  try {
    const service = await loadService(start).catch((error: unknown) => error);
    if (!isService(service)) {
      process.stderr.write(`${service instanceof Error ? service.stack : String(service)}\n`);
      return await leave("started", "failure", { pid, reason: reasonOf(service) });
    }
    announce("started", "success", { pid });
    await Promise.race([work(service.task, opened.scope), crash.promise]);
    return await leave("stopped", "success", stop.signal.aborted ? { pid } : {});
  } catch (error) {
    if (stop.signal.aborted) return await leave("stopped", "success", { pid });
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return await leave("failed", "failure", { pid, reason: reasonOf(error) });
  } finally {
    await opened.close();
  }
}

async function work(task: Task<unknown>, scope: TaskScope<unknown>): Promise<void> {
  do {
    if (scope.signal.aborted) return;
    await task.run(scope);
    await breathe();
  } while (task.kind === "looped");
}

async function loadService({ module, instance }: StartData): Promise<Service> {
  const { default: exported } = await importModule(module, instance);
  // A CommonJS module that was compiled from `export default` has it one level further down.
  const service = exported?.default ?? exported;
  if (isService(service)) return service;
  throw new ContextError(
    "ERR_SERVICE_INVALID",
    `Service${instance}: expected \`export default defineService({ name, description, task })\`, got ${describe(service)}`,
  );
}

async function importModule(module: string, instance: string): Promise<{ default?: { default?: unknown } }> {
  try {
    return await import(pathToFileURL(module).href);
  } catch (error) {
    throw new ContextError("ERR_SERVICE_INVALID", `Service${instance} (${module}) does not load: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "no default export";
  const { task } = (value ?? {}) as Partial<Service>;
  if (task === undefined) return `${value === null ? "null" : typeof value} without a task`;
  if (typeof task.run !== "function") return "a task without the function run";
  return `a task of the kind ${JSON.stringify(task.kind)}, where "single" or "looped" was expected`;
}

function isService(value: unknown): value is Service {
  const task = (value as Service | undefined)?.task;
  return typeof task?.run === "function" && (task.kind === "single" || task.kind === "looped");
}
