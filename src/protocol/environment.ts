// The environment of a program that runs as a task: it has no pipe, so this is all it learns about itself. Names and
// meanings are described in docs/protocol.md, "A task in any language". Pure.
import type { Assignment } from "./pipe.ts";

/** @param incarnation - Its announcements carry it, which tells them from those of earlier runs. */
export function environmentOf(incarnation: string, assignment: Assignment): Record<string, string> {
  return {
    ZCONTEXT_PUBLISH: assignment.endpoints.publish,
    ZCONTEXT_SUBSCRIBE: assignment.endpoints.subscribe,
    ZCONTEXT_TRANSACTION: assignment.transaction,
    ZCONTEXT_CONTEXT_ID: assignment.contextId,
    ZCONTEXT_SERVICE_ID: assignment.serviceId,
    ZCONTEXT_SERVICE_NAME: assignment.serviceName,
    ZCONTEXT_INSTANCE: assignment.instance,
    ZCONTEXT_TOPIC: assignment.topic,
    ZCONTEXT_DEVICE_ACTION: assignment.deviceAction,
    ZCONTEXT_CONFIGURATION: JSON.stringify(assignment.configuration),
    ZCONTEXT_INCARNATION: incarnation,
  };
}
