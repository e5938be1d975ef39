// The class form of a task: its methods are what a service does at its start and stop, and the actions that it declares.
import type { ActionFunction, Task, TaskScope } from "./contract/task.ts";

type Speech<Configuration> = Pick<
  TaskScope<Configuration>,
  "submitAction" | "ask" | "submitMessage" | "debug" | "warning" | "throwError" | "track" | "bus"
>;

/**
 * A service as a class. What others may have it do is `Start(scope)`, `Stop(scope)`, `Process(message, scope)`,
 * `StateUpdate(state, scope)` where it has them, and the methods that `static actions` names, with `(message, scope)`.
 * Everything else of the object is its own. `Start` runs before anything arrives, `Stop` once nothing arrives any more.
 *
 * @example
 * class Mailer extends CustomService {
 *   static override actions = ["SendEmail"];
 *   SendEmail(message: { to: string }) {
 *     this.debug(`to ${message.to}`);
 *   }
 * }
 * export default defineTask(Mailer);
 */
export abstract class BaseService<Configuration = { [name: string]: unknown }> implements Speech<Configuration> {
  /** The names of methods that others may have it do. */
  static actions: readonly string[] = [];

  #scope: TaskScope<Configuration> | undefined;

  /** What the task works with. There is none in the constructor. */
  get scope(): TaskScope<Configuration> {
    if (this.#scope === undefined) throw new Error(`${this.constructor.name}: it has no scope before it is started`);
    return this.#scope;
  }
  get configuration(): Configuration {
    return this.scope.configuration;
  }
  get bus(): TaskScope<Configuration>["bus"] {
    return this.scope.bus;
  }
  get property(): TaskScope<Configuration>["property"] {
    return this.scope.property;
  }

  readonly submitAction: Speech<Configuration>["submitAction"] = (...rest) => this.scope.submitAction(...rest);
  readonly ask: Speech<Configuration>["ask"] = (...rest) => this.scope.ask(...rest);
  readonly submitMessage: Speech<Configuration>["submitMessage"] = (message) => this.scope.submitMessage(message);
  readonly debug: Speech<Configuration>["debug"] = (text) => this.scope.debug(text);
  readonly warning: Speech<Configuration>["warning"] = (text) => this.scope.warning(text);
  readonly throwError: Speech<Configuration>["throwError"] = (...rest) => this.scope.throwError(...rest);
  readonly track: Speech<Configuration>["track"] = (...rest) => this.scope.track(...rest);

  /** The task of this service. */
  asTask(actions: readonly string[]): Task<Configuration> {
    const own = methodsOf(this);
    const missing = actions.find((name) => !own.has(name));
    if (missing !== undefined)
      throw new TypeError(`${this.constructor.name}: static actions names ${missing}, which is no method of it`);
    const declared = new Set([...actions, "Process"].filter((name) => own.has(name) && !HOOKS.includes(name)));
    const call = (name: string, ...rest: unknown[]) => (own.has(name) ? this.#call(name, rest) : undefined);
    return {
      actions: Object.fromEntries(
        [...declared].map((name): [string, ActionFunction<Configuration>] => [name, (...rest) => call(name, ...rest)]),
      ),
      start: (scope) => {
        // As an action it comes with the scope of that action.
        if (!("source" in scope)) this.#scope = scope;
        return call("Start", scope);
      },
      stop: (scope) => call("Stop", scope),
      ...(own.has("StateUpdate") && { stateUpdate: (...rest) => call("StateUpdate", ...rest) }),
    };
  }

  #call(name: string, rest: readonly unknown[]): unknown {
    const method: unknown = Reflect.get(this, name);
    return typeof method === "function" ? Reflect.apply(method, this, rest) : undefined;
  }
}

/** A service of your own. */
export abstract class CustomService<Configuration = { [name: string]: unknown }> extends BaseService<Configuration> {}

/** A class of a service, which needs nothing to be made. */
export interface ServiceClass<Configuration> {
  new (): BaseService<Configuration>;
  actions: readonly string[];
}

export function taskOf<Configuration>(service: ServiceClass<Configuration>): Task<Configuration> {
  return new service().asTask(service.actions);
}

/** Functions of the task itself. */
const HOOKS = ["Start", "Stop", "StateUpdate"];

/** The names of the methods that the subclasses of `BaseService` have. */
function methodsOf(service: object): Set<string> {
  const names = new Set<string>();
  for (let one = Object.getPrototypeOf(service); one !== BaseService.prototype; one = Object.getPrototypeOf(one))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
      if (name !== "constructor" && typeof value === "function") names.add(name);
  return names;
}
