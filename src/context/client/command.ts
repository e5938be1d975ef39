// A command to a provider, and the message that carries it. Pure.
import type { JsonObject } from "../../protocol/json.ts";
import { CONTEXT_NAME, type ContextMessage } from "../../protocol/message.ts";

/** A command for a transaction. Without a configuration the provider takes the tasks from its own file. */
export interface Command {
  action: "start" | "stop" | "restart" | "exit";
  transaction: string;
  /** The context's id, which the provider checks. Default: none. */
  serviceId?: string;
  /** `context` or `all`. Default `context`. */
  serviceName?: string;
  configuration?: JsonObject;
  /** Of a start: it is refused while a task of another transaction runs or is to run. Default false. */
  onlyIfIdle?: boolean;
  /** Of a start and a stop: it is for all services but the internal ones, and for those alone. Default false. */
  onlyCustom?: boolean;
}

/** The message that carries a command. */
export function commandMessage({
  action,
  transaction,
  serviceId = "none",
  serviceName = CONTEXT_NAME,
  configuration = {},
  onlyIfIdle = false,
  onlyCustom = false,
}: Command): ContextMessage {
  const extra = { ...(onlyIfIdle && { only_if_idle: true }), ...(onlyCustom && { only_custom: true }) };
  const header = { action, serviceId, serviceName, transaction, ...(Object.keys(extra).length > 0 && { extra }) };
  return { kind: "context", header, configuration };
}

/** Asks the provider to take over its context file as it is now: in one transaction, or in all where none is named. */
export function applyMessage(transaction: string): ContextMessage {
  const header = { action: "apply", serviceId: "none", serviceName: CONTEXT_NAME, transaction };
  return { kind: "context", header, configuration: {} };
}
