// The messages that the provider writes to a task, and for a task that can't speak for itself; and what a task's own
// announcements mean for its lifecycle. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { formatTaskService } from "../../config/task-service.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { type ControlMessage, deviceActionOf, type ProcessMessage, type Status } from "../../protocol/message.ts";
import type { Assignment } from "../../protocol/pipe.ts";
import type { LifecycleEvent, ProxyWord } from "./life.ts";

/** A command to a task, on its own topic. */
export function commandTo(
  task: TaskServiceConfig,
  { action, transaction }: { action: "start" | "stop" | "restart"; transaction: string },
): ProcessMessage {
  const { id: serviceId, serviceName, topic } = task;
  const header = { action, serviceId, serviceName, transaction };
  return { kind: "process", topic, header, body: { ...formatTaskService(task, { action, transaction }) } };
}

/** What a run is told about the task that it runs. */
export function assignmentOf(
  task: TaskServiceConfig,
  provider: { endpoints: Endpoints; transaction: string; contextId: string },
): Assignment {
  return {
    ...provider,
    serviceId: task.id,
    serviceName: task.serviceName,
    instance: task.instance,
    topic: task.topic,
    deviceAction: deviceActionOf(task),
    configuration: task.configuration,
  };
}

/** The provider speaks for a task: one that is not running yet, or not any more, or that never speaks itself. */
export function onBehalfOf(
  task: TaskServiceConfig,
  { transaction, action, ...items }: { transaction: string; action: ProxyWord; pid?: number; reason?: string },
): ControlMessage {
  const result = action === "failed" ? "failure" : "success";
  return {
    kind: "control",
    header: { action, serviceId: task.id, serviceName: task.serviceName, transaction },
    status: { device_action: deviceActionOf(task), result, ...items },
  };
}

/** What an announcement means for the lifecycle of its task; undefined for a word of the task's own. */
export function eventOf(action: string, { result, reason }: Status): LifecycleEvent | undefined {
  switch (action) {
    case "started":
      return result === "success" ? { type: "started" } : { type: "unfit", reason: reasonIn(action, reason) };
    case "failed":
      return { type: "failed", reason: reasonIn(action, reason) };
    case "updated":
    case "exited":
    case "stopped":
      return { type: action };
    default:
      return undefined;
  }
}

/** What a program has told of its end. */
export function endingIn({ result, reason }: Status): LifecycleEvent & { type: "ending" } {
  return { type: "ending", reason: result === "success" ? undefined : reasonIn("its end", reason) };
}

function reasonIn(action: string, reason: Status["reason"]): string {
  if (reason === undefined) return `the task announced ${action}`;
  return typeof reason === "string" ? reason : JSON.stringify(reason);
}
