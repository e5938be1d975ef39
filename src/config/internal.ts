// Which services belong to the node itself rather than to its user: those that talk with its hub. They run while the custom
// services are stopped from afar, and are restarted when they end. Pure.
import type { TaskServiceConfig } from "./model.ts";

/** Instances of services that come with zcontext and talk with the hub of a node. */
const INTERNAL: readonly string[] = ["Com", "Logger", "Hub"];

/** Whether a task runs such a service. One that names a location or a program has code of its own. */
export function isInternal({
  instance,
  serviceType,
  configuration: { location = "" },
}: Pick<TaskServiceConfig, "instance" | "serviceType" | "configuration">): boolean {
  return INTERNAL.includes(instance) && serviceType !== "Executable" && location === "";
}
