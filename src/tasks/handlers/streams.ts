// Puts the streams of a task in force: consumers of queues over the protocols that the task, or its configuration, names. The
// library of protocols is loaded for tasks that have some.
import { ZcontextError } from "../../errors.ts";
import { type About, ConsumerFactory, ConsumerRunner } from "../../streams/index.ts";
import type { StreamHandler, Task, TaskScope } from "../contract/task.ts";
import { streamsOf } from "./declared.ts";
import type { InForce } from "./handlers.ts";

/**
 * Resolves when messages arrive, or the task is told to stop. A server that is away is waited for, with a line now and then.
 *
 * @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`, `ERR_QUEUE_NAME`, `ERR_ENDPOINT_IN_USE`, `ERR_ENGINE_MISSING`, `ERR_USAGE`.
 */
export async function startStreams<Configuration>(
  task: Task<Configuration>,
  scope: TaskScope<Configuration>,
): Promise<Pick<InForce, "stop">> {
  const declared = Object.entries(streamsOf(task, scope.configuration));
  const consumers = declared.map(([queue, stream]) => factoryOf(queue, stream, scope));
  const runner = new ConsumerRunner({ consumers, say: scope.log.info });
  try {
    await runner.start(scope.signal);
  } catch (error) {
    await runner.close(0);
    throw error;
  }
  return { stop: (graceMs) => runner.close(graceMs / 2) };
}

function factoryOf<Configuration>(
  queue: string,
  { protocol, options, consuming, handle }: StreamHandler<Configuration>,
  scope: TaskScope<Configuration>,
): ConsumerFactory {
  const { protocol: configured, http_port: port, http_host: host } = Object(scope.configuration);
  const name: unknown = protocol ?? configured;
  if (typeof name !== "string")
    throw new ZcontextError("ERR_USAGE", `stream ${queue}: no protocol is named`, {
      hint: "Name it in the task, or as <protocol> in its <configuration>.",
    });
  const where = { ...(port !== undefined && { port }), ...(host !== undefined && { host }) };
  const onError = (error: unknown) => scope.log.error(`stream ${queue}: ${textOf(error)}`);
  const factory = new ConsumerFactory(name, { ...where, ...options, onError });
  factory.route(queue, (message, about: About) => handle(message, scope, about), consuming);
  return factory;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
