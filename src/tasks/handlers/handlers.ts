// Puts the handlers of a task in force on a bus, and takes them back in good order: nothing arrives any more, then what is
// under way settles or is given back, then the task's own `stop` runs.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf } from "../../errors.ts";
import type { EventBus, Method, MethodCall } from "../../messaging/index.ts";
import { isObject } from "../../protocol/json.ts";
import { taskAddress } from "../../protocol/task-address.ts";
import type { Task, TaskScope } from "../contract/task.ts";
import { createActionRunner } from "./action-runner.ts";
import { awaitBus } from "./await-bus.ts";
import { actionsOf, methodOf } from "./declared.ts";
import { type HandlerHost, START_FAULT } from "./handler-host.ts";
import { listenAddress } from "./listen-address.ts";

export interface InForce {
  /** Where its methods are served over HTTP; undefined where its configuration has no `http_port`. */
  readonly httpUrl: string | undefined;
  /** @param graceMs - Half of it is for handlers that are under way, a quarter for the task's `stop`. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Waits for the bus, runs the task's `start`, and puts its handlers in force. What keeps it from that is reported.
 *
 * @param openBus - Answers the same bus each time.
 */
export async function startHandlers<Configuration>(
  openBus: () => Promise<EventBus>,
  host: Omit<HandlerHost<Configuration>, "bus">,
): Promise<InForce> {
  const { task, scope } = host;
  try {
    const bus = await awaitBus(openBus, { signal: scope.signal, warn: scope.log.warn });
    await task.start?.(scope);
    return await putInForce({ ...host, bus });
  } catch (error) {
    if (!scope.signal.aborted) scope.throwError(`start: ${reasonOf(error)}`, START_FAULT);
    throw error;
  }
}

async function putInForce<Configuration>(host: HandlerHost<Configuration>): Promise<InForce> {
  const { task, bus, scope } = host;
  checkEmits(task, bus);
  const [served] = await Promise.all([serveOverHttp(host), ...listenAll(host), ...serveAll(host)]);
  return {
    httpUrl: served?.url,
    async stop(graceMs) {
      await bus.drain(graceMs / 2);
      if (task.stop !== undefined)
        await within(graceMs / 4, "stop", scope, (signal) => task.stop?.(withSignal(signal)));
    },
  };

  function withSignal(signal: AbortSignal): TaskScope<Configuration> {
    return host.scopeOf({ bus, source: scope.serviceName, signal: () => signal });
  }
}

/** Runs the last work of a task. What it throws is reported: it keeps no task from its end. */
async function within(
  timeoutMs: number,
  what: string,
  scope: TaskScope<unknown>,
  work: (signal: AbortSignal) => unknown,
): Promise<void> {
  const over = new AbortController();
  const timer = pause(timeoutMs, "late", { signal: over.signal });
  try {
    const end = await Promise.race([(async () => work(over.signal))(), timer]);
    if (end === "late") scope.log.warn(`${what}: not done within ${timeoutMs} ms`);
  } catch (error) {
    scope.throwError(`${what}: ${reasonOf(error)}`);
  } finally {
    over.abort();
    timer.catch(() => {});
  }
}

/** What the service emits must fit its own schemata. */
function checkEmits(task: Task<never>, bus: EventBus): void {
  for (const [event, { content = true, context }] of Object.entries({ ...task.events, ...task.emits }))
    bus.setSchemata({ [event]: content }, context);
}

function listenAll<Configuration>({ task, bus, scope, scopeOf }: HandlerHost<Configuration>): Promise<unknown>[] {
  const { group = scope.serviceName } = task;
  return Object.entries(task.events ?? {}).map(([name, declared]) => {
    const { handle, ...options } = declared;
    return bus.listen(
      name,
      group,
      async (event, own) => {
        await declared.handle(event, scopeOf({ bus: own, source: "", signal: () => event.signal }));
      },
      { ...options, handlerName: `${scope.serviceName}: ${name}` },
    );
  });
}

function serveAll<Configuration>(host: HandlerHost<Configuration>): Promise<unknown>[] {
  const { task, bus, scope } = host;
  const actions = actionsIn(host);
  const methods = { ...methodsIn(host), ...actions };
  const isServed = Object.keys(methods).length > 0;
  const isReached = Object.keys(actions).length > 0;
  return [
    ...(isServed || task.methods !== undefined ? [bus.serve(scope.serviceName, methods)] : []),
    ...(isReached ? [bus.serve(taskAddress(scope.serviceId, scope.transaction), actions)] : []),
  ];
}

/** Its methods, where its configuration asks for that; a port that a task without methods names is for its streams. */
async function serveOverHttp<Configuration>(host: HandlerHost<Configuration>) {
  const { task, bus, scope } = host;
  const { configuration } = scope;
  const isAsked = isObject(configuration) && configuration.http_port !== undefined;
  if (!isAsked || task.methods === undefined) return undefined;
  return bus.serveHttp(scope.serviceName, methodsIn(host), listenAddress(configuration, "http"));
}

type Methods = { [name: string]: Method };

function methodsIn<Configuration>({ task, scopeOf }: HandlerHost<Configuration>): Methods {
  const declared = Object.entries(task.methods ?? {});
  return Object.fromEntries(
    declared.map(([name, method]): [string, Method] => [
      name,
      {
        params: method.params ?? true,
        async handle(params: never, call) {
          return method.handle(params, scopeOf({ bus: call.bus, source: sourceOf(call), signal: () => call.signal }));
        },
      },
    ]),
  );
}

/** The service in `context/service/instance`. */
function sourceOf({ src }: MethodCall): string {
  return src.split("/")[1] ?? src;
}

function actionsIn<Configuration>(host: HandlerHost<Configuration>): Methods {
  const run = createActionRunner(host);
  return Object.fromEntries([...actionsOf(host.task)].map(([name, action]) => [methodOf(name), run(name, action)]));
}
