// Puts the streams of a task in force: consumers of queues over the protocols that the task, or its configuration, names. The
// library of protocols is loaded for tasks that have some.
import { ZcontextError } from "../../errors.ts";
import { type About, ConsumerFactory, ConsumerRunner } from "../../streams/index.ts";
import type { StreamHandler, Task, TaskScope } from "../contract/task.ts";
import { streamsOf } from "./declared.ts";

export interface TaskStreams {
  /**
   * Resolves when messages arrive, or the task is told to stop. A server that is away is waited for, with a line now and then.
   *
   * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE`, `ERR_ENGINE_MISSING`, `ERR_USAGE`.
   */
  start(): Promise<void>;
  /** @param graceMs - Half of it is for handlers that are under way. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Makes the consumers of a task, which consume nothing yet.
 *
 * @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`, `ERR_QUEUE_NAME`, `ERR_CONFIG_INVALID` for a port that its methods have.
 */
export function makeStreams<Configuration>(task: Task<Configuration>, scope: TaskScope<Configuration>): TaskStreams {
  const consumers = consumersOf(task, scope.configuration, {
    onError: (queue, error) => scope.log.error(`stream ${queue}: ${textOf(error)}`),
    handle: (stream, message, about) => stream.handle(message, scope, about),
  });
  const runner = new ConsumerRunner({ consumers, say: scope.log.info });
  return {
    async start() {
      try {
        await runner.start(scope.signal);
      } catch (error) {
        await runner.close(0);
        throw error;
      }
    },
    stop: (graceMs) => runner.close(graceMs / 2),
  };
}

/**
 * Finds out whether the streams of a task could be made with a configuration.
 *
 * @throws {ZcontextError} As `makeStreams`.
 */
export function assertStreams<Configuration>(task: Task<Configuration>, configuration: Configuration): void {
  consumersOf(task, configuration, { onError() {}, async handle() {} });
}

interface Use<Configuration> {
  onError(queue: string, error: unknown): void;
  handle(stream: StreamHandler<Configuration>, message: unknown, about: About): unknown;
}

function consumersOf<Configuration>(
  task: Task<Configuration>,
  configuration: Configuration,
  use: Use<Configuration>,
): ConsumerFactory[] {
  const { protocol: configured, http_port: port, http_host: host } = Object(configuration);
  return Object.entries(streamsOf(task, configuration)).map(([queue, stream]) => {
    const name: unknown = stream.protocol ?? configured;
    if (typeof name !== "string")
      throw new ZcontextError("ERR_USAGE", `stream ${queue}: no protocol is named`, {
        hint: "Name it in the task, or as <protocol> in its <configuration>.",
      });
    const where = { ...(port !== undefined && { port }), ...(host !== undefined && { host }), ...stream.options };
    if (name === "HTTPHandler" && task.methods !== undefined) assertFree(queue, port, Object(where).port);
    const factory = new ConsumerFactory(name, { ...where, onError: (error: unknown) => use.onError(queue, error) });
    factory.route(queue, (message, about: About) => use.handle(stream, message, about), stream.consuming);
    return factory;
  });
}

/** Methods answer with results and a queue does not, each with a server of its own. Any two free ports differ. */
function assertFree(queue: string, methodsPort: unknown, port: unknown): void {
  if (methodsPort === undefined || Number(methodsPort) === 0 || Number(methodsPort) !== Number(port)) return;
  throw new ZcontextError(
    "ERR_CONFIG_INVALID",
    `stream ${queue}: the methods of the task have http_port ${methodsPort}`,
    {
      hint: "Give the stream another port: options: { port }.",
    },
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
