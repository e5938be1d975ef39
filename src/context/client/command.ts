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
}

/** The message that carries a command. */
export function commandMessage({
  action,
  transaction,
  serviceId = "none",
  serviceName = CONTEXT_NAME,
  configuration = {},
  onlyIfIdle = false,
}: Command): ContextMessage {
  const extra = onlyIfIdle ? { extra: { only_if_idle: true } } : {};
  return { kind: "context", header: { action, serviceId, serviceName, transaction, ...extra }, configuration };
}
