// The messages the provider itself publishes about its transactions and their tasks. Pure.
import type { ErrorCode } from "../../errors.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import { CONTEXT_NAME, type ControlMessage, type Header, type StateMessage } from "../../protocol/message.ts";
import type { TransactionRecord } from "../../protocol/task-record.ts";

/** The speaking context and the transaction it speaks about; `requestId` in an answer. */
export interface About {
  contextId: string;
  transaction: string;
  requestId?: string | undefined;
}

/** The state of transactions: after every command and announcement, and as the answer to an accepted command. */
export function contextInfo(
  about: About,
  data: { [transaction: string]: TransactionRecord }[],
  items: JsonObject = {},
): ControlMessage {
  return contextSays(about, "update", { data, device_action: "context_info", result: "success", ...items });
}

/** The answer to a command that is not obeyed. */
export function refused(about: About, code: ErrorCode, reason: string): ControlMessage {
  return contextSays(about, "refused", { code, device_action: "", reason, result: "failure" });
}

/** A task is started by its triggers too often, and waits its turn from now on. */
export function throttled(about: About, serviceId: string): ControlMessage {
  const reason = `triggers started ${serviceId} more than 20 times in 10 s; further starts wait for one a second`;
  return contextSays(about, "throttled", { device_action: "", reason, result: "failure", task: serviceId });
}

/** A task that has ended too often is not started again by itself. */
export function notRestarted(about: About, serviceId: string, because: string): ControlMessage {
  const reason = `${serviceId} is not restarted: ${because}; a start by hand begins anew`;
  return contextSays(about, "not_restarted", { device_action: "", reason, result: "failure", task: serviceId });
}

/** The transaction is over, and so is what the provider knows of it. */
export function ended(about: About): ControlMessage {
  return contextSays(about, "ended", { device_action: "", result: "success" });
}

/** A change of the model is accepted; how it has come out is told later, under the same request id. */
export function applying(about: About): ControlMessage {
  return contextSays(about, "applying", { device_action: "", result: "success" });
}

/** A change of the model is done. */
export function applied(about: About, result: "success" | "failure", plan: JsonObject): ControlMessage {
  return contextSays(about, "applied", { ...plan, device_action: "", result });
}

/** A change of the model was refused, or rolled back: nothing was changed. */
export function notApplied(about: About, fault: JsonObject): ControlMessage {
  return contextSays(about, "not_applied", { ...fault, device_action: "", result: "failure" });
}

/** The provider's last word. */
export function left(contextId: string): ControlMessage {
  return contextSays({ contextId, transaction: "" }, "exited", { device_action: "", result: "success" });
}

type ReplyAction = "reply_context" | "reply_top" | "reply_plan";

/** The reply to a `state` message: its own header with the action replaced. */
export function reply(header: Header, action: ReplyAction, content: Json): StateMessage {
  return { kind: "state", header: { ...header, action }, content };
}

/**
 * The reply to a `state` message that can't be answered; `running` and `ended` are the transactions that could be asked
 * about, `file` is the provider's claim to its context file.
 */
export function errorReply(
  header: Header,
  action: ReplyAction,
  code: ErrorCode,
  reason: string,
  more: { running: string[]; ended: string[]; file: JsonObject },
): StateMessage {
  return reply(header, action, { error: { code, reason, ...more } });
}

function contextSays(
  { contextId, transaction, requestId }: About,
  action: string,
  status: ControlMessage["status"],
): ControlMessage {
  return {
    kind: "control",
    header: { action, serviceId: contextId, serviceName: CONTEXT_NAME, transaction, requestId },
    status,
  };
}
