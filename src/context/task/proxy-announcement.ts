// What the provider announces for a task that can't speak for itself. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { type ControlMessage, deviceActionOf } from "../../protocol/message.ts";

/** What the provider can say for a task. */
export type Spoken = "created" | "started" | "stopped" | "failed";

/** The provider speaks for a task: one that is not running yet, or not any more, or that never speaks itself. */
export function onBehalfOf(
  task: TaskServiceConfig,
  { transaction, action, ...items }: { transaction: string; action: Spoken; pid?: number; reason?: string },
): ControlMessage {
  const result = action === "failed" ? "failure" : "success";
  return {
    kind: "control",
    header: { action, serviceId: task.id, serviceName: task.serviceName, transaction },
    status: { device_action: deviceActionOf(task), result, ...items },
  };
}
