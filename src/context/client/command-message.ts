// The message that commands a provider, whoever waits for its answer. Pure.
import { CONTEXT_NAME, type ContextMessage } from "../../protocol/message.ts";
import type { Command } from "./command-progress.ts";

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
