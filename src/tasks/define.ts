// All that the code of a task service sees of zcontext: what it declares, and the scope it works in. Small on purpose,
// because it becomes part of every compiled service.
import type { Declaration } from "./contract/declaration.ts";
import type { Task } from "./contract/task.ts";
import { type ServiceClass, taskOf } from "./service-class.ts";

export { CallError, NonRetryableError, ServiceError } from "../messaging/contract/service-error.ts";
export type * from "./contract/task.ts";
export { BaseService, CustomService } from "./service-class.ts";

/** A task with its name and description. */
export interface Service {
  /** The service's name in messages. */
  name: string;
  /** What it does, for people. */
  description: string;
  // biome-ignore lint/suspicious/noExplicitAny: each task knows the shape of its own configuration.
  task: Task<any>;
}

/**
 * Declares a task: what it does by itself (`run`), and what it does when it is asked or told (`events`, `methods`,
 * `actions`). The schemata of handlers type what they get.
 *
 * @example
 * export default defineTask({
 *   events: {
 *     "orders.created": {
 *       content: { type: "object", properties: { id: { type: "number" } }, required: ["id"] },
 *       async handle(event, scope) {
 *         scope.log.info(`order ${event.content.id}`);
 *       },
 *     },
 *   },
 * });
 *
 * @example
 * export default defineTask<{ interval_s: string }>({
 *   kind: "looped",
 *   async run(scope) {
 *     await scope.update({ celsius: 21 });
 *     await scope.sleep(Number(scope.configuration.interval_s) * 1000);
 *   },
 * });
 *
 * @typeParam Configuration - The shape of its `<configuration>`. Where it is named, the compiler infers no schemata;
 *   `defineTask<Configuration>()({ … })` has both.
 */
export function defineTask<Configuration>(): <const Contents, const Contexts, const Params, const Messages>(
  task: Declaration<Configuration, Contents, Contexts, Params, Messages>,
) => Task<Configuration>;
export function defineTask<const Contents, const Contexts, const Params, const Messages>(
  task: Declaration<AnyConfiguration, Contents, Contexts, Params, Messages>,
): Task<AnyConfiguration>;
export function defineTask<Configuration>(service: ServiceClass<Configuration>): Task<Configuration>;
export function defineTask<Configuration>(task: Task<Configuration>): Task<Configuration>;
export function defineTask(task?: object | ServiceClass<unknown>): object {
  if (isClass(task)) return taskOf(task);
  return task ?? ((declared: object) => declared);
}

function isClass(task: object | undefined): task is ServiceClass<unknown> {
  return typeof task === "function";
}

type AnyConfiguration = { [name: string]: unknown };

/**
 * Declares a task service: the default export of `Service<Name>.ts`.
 *
 * @example
 * export default defineService({ name: "thermometer", description: "Reports the temperature", task });
 */
export function defineService(service: Service): Service {
  return service;
}
