// Connects the bus of a task with the engine of its context.
import { ZcontextError } from "../errors.ts";
import type { BusOptions, EventBus } from "../messaging/index.ts";

/**
 * @param options.src - `context/service/instance`.
 * @throws {ZcontextError} `ERR_ENGINE_MISSING`, `ERR_ENGINE_REFUSED`, `ERR_ENGINE_UNREACHABLE`.
 */
export async function connectBus(_options: Pick<BusOptions, "src" | "onHandlerError">): Promise<EventBus> {
  throw new ZcontextError(
    "ERR_ENGINE_MISSING",
    "the provider of this task has no engine for messages between services",
    {
      hint: "Tasks without handlers run; scope.bus, actions and handlers need an engine.",
    },
  );
}
