// Connects the bus of a task with the engine of its context, which is loaded for that.
import { ZcontextError } from "../errors.ts";
import type { BusOptions, EventBus } from "../messaging/index.ts";
import { BUS_URL } from "../protocol/environment.ts";

/**
 * @param options.src - `context/service/instance`.
 * @throws {ZcontextError} `ERR_ENGINE_MISSING`, `ERR_ENGINE_REFUSED`, `ERR_ENGINE_UNREACHABLE`.
 */
export async function connectBus(options: Pick<BusOptions, "src" | "onHandlerError">): Promise<EventBus> {
  if (process.env[BUS_URL] === undefined)
    throw new ZcontextError("ERR_ENGINE_MISSING", `the provider of this task has no engine: ${BUS_URL} is not set`, {
      hint: "Its log says why. Tasks without handlers run; scope.bus, actions and handlers need an engine.",
    });
  const { EventBus } = await import("../messaging/index.ts");
  return EventBus.connect(options);
}
