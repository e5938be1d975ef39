// The messages that ask a provider for something, whoever waits for the answer. Pure.
import { CONTEXT_NAME, type ContextMessage, type Header, type StateMessage } from "../protocol/message.ts";
import type { TopOptions } from "../protocol/top.ts";
import type { Command } from "./following.ts";

/** A command for a transaction. */
export function commandMessage({
  action,
  transaction,
  serviceId = "none",
  serviceName = CONTEXT_NAME,
  configuration = {},
}: Command): ContextMessage {
  return { kind: "context", header: { action, serviceId, serviceName, transaction }, configuration };
}

/** A question about a transaction. */
export function queryMessage(action: string, transaction: string, options: Partial<TopOptions> = {}): StateMessage {
  const header: Header = { action, serviceId: "", serviceName: "state", transaction };
  return { kind: "state", header, content: { configuration: { ...options } } };
}
