// Decides what a message means for this provider: which orders it gives, or why it is refused. It only looks; the
// controller acts. Rules: docs/protocol.md, "What is accepted". Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { readBroughtCommand, readTaskServiceIds } from "../../config/task-service.ts";
import { type ErrorCode, ZcontextError } from "../../errors.ts";
import { assertAllowedCommand } from "../../launch/code/allowed-commands.ts";
import type { JsonObject } from "../../protocol/json.ts";
import {
  ALL,
  CONTEXT_NAME,
  type ContextMessage,
  type ControlMessage,
  type Header,
  type Message,
  type ProcessMessage,
  type StateMessage,
} from "../../protocol/message.ts";
import type { Order } from "../task/task-contract.ts";
import type { TransactionView } from "../transaction/members.ts";
import {
  alive,
  customStartOrders,
  customStopOrders,
  isRunning,
  restartOrders,
  startOrders,
  stopOrders,
} from "./orders.ts";
import { selectionIn, whole } from "./selection.ts";
import { tasksOf, type View } from "./view.ts";

/** What a message leads to; each decision carries the message that it is about. */
export type Decision =
  | { kind: "obey"; command: ContextMessage | ProcessMessage; orders: Order[] }
  | { kind: "leave"; command: ContextMessage }
  /** Another model takes hold: in this transaction, or in all. */
  | { kind: "apply"; command: ContextMessage; transaction: string | undefined }
  | { kind: "refuse"; command: Message; code: ErrorCode; reason: string }
  | { kind: "record"; announcement: ControlMessage }
  | { kind: "reply"; query: StateMessage; action: Exclude<ReplyWord, "reply_plan"> }
  /** What `apply` would do. */
  | { kind: "replyPlan"; query: StateMessage; transaction: string | undefined }
  | { kind: "replyError"; query: StateMessage; action: ReplyWord; code: ErrorCode; reason: string }
  /** Nothing to do; `why` where the log should say it. */
  | { kind: "ignore"; why?: string };

export type ReplyWord = "reply_context" | "reply_top" | "reply_plan";

/** What the provider does about a message. Messages of the provider itself are not meant to get here. */
export function dispatch(message: Message, view: View): Decision {
  try {
    switch (message.kind) {
      case "context":
        return dispatchContext(message, view);
      case "process":
        return dispatchProcess(message, view);
      case "control":
        return dispatchControl(message, view);
      case "state":
        return dispatchState(message, view);
    }
  } catch (error) {
    if (error instanceof ZcontextError)
      return refuse(message, error.code, [error.message, ...error.details].join("; "));
    throw error;
  }
}

// As a key of the messages about it, `__proto__` would make them unreadable.
const TRANSACTION = /^(?!__proto__$)\P{Cc}{1,256}$/u;

// --- context: commands for a transaction --------------------------------------------------------------------------

function dispatchContext(message: ContextMessage, view: View): Decision {
  const { header, configuration } = message;
  if (header.action === "exit") return { kind: "leave", command: message };
  if (header.action === "apply") {
    if (isScope(header.transaction, view))
      return { kind: "apply", command: message, transaction: header.transaction || undefined };
    return unknownTransaction(header.transaction, view);
  }
  if (!TRANSACTION.test(header.transaction)) {
    return refuse(
      message,
      "ERR_MESSAGE_MALFORMED",
      "header.service_transaction: expected 1 to 256 characters on one line, and not __proto__",
    );
  }
  const known = view.find(header.transaction);
  const isOfCustom = header.extra?.only_custom === true;
  switch (header.action) {
    case "start":
      if (isOfCustom) return obey(message, customStartOrders(view.ownTasks, known));
      if (header.extra?.only_if_idle === true) assertIdle(header.transaction, view);
      return obey(message, startOrders(selectionIn(configuration, known, view) ?? whole(view.ownTasks), known));
    case "restart":
      return obey(
        message,
        restartOrders(
          selectionIn(configuration, known, view, "as it runs") ?? whole(tasksOf(known) ?? view.ownTasks),
          known,
        ),
      );
    case "stop":
      assertContextId(header.serviceId, view);
      if (isOfCustom) return obey(message, customStopOrders(known ?? unknownTransaction(header.transaction, view)));
      // `all` means every task, whichever ones the message lists.
      return obey(
        message,
        stopOrders(
          header.serviceName === ALL ? [] : readTaskServiceIds(configuration),
          known ?? unknownTransaction(header.transaction, view),
        ),
      );
    default:
      return refuse(
        message,
        "ERR_MESSAGE_UNKNOWN",
        `unknown action "${header.action}": expected start, stop, restart, apply or exit`,
      );
  }
}

/** A transaction that runs; none means all. */
function isScope(transaction: string, view: View): boolean {
  return transaction === "" || view.find(transaction) !== undefined;
}

// A start of a context that names no transaction is not meant to run it a second time. Only the provider can tell: of
// two that come at once, each sees that nothing runs.
function assertIdle(transaction: string, view: View): void {
  const others = view.busy().filter((id) => id !== transaction);
  if (others.length > 0) throw new ZcontextError("ERR_TASK_ALIVE", `${others.join(", ")} runs: nothing was started`);
}

// `none` is the original's word for an id that was not given.
function assertContextId(serviceId: string, { contextId }: View): void {
  if (serviceId === "" || serviceId === "none" || contextId === "" || serviceId === contextId) return;
  throw new ZcontextError(
    "ERR_CONTEXT_MISMATCH",
    `context id "${serviceId}" is not this provider's, which is "${contextId}"`,
  );
}

// --- process: a command to one task, from a peer -----------------------------------------------------------

function dispatchProcess(message: ProcessMessage, view: View): Decision {
  const { topic, header, body } = message;
  const known = view.find(header.transaction) ?? unknownTransaction(header.transaction, view);
  const tasks = addressed(header, known).filter((task) => task.topic === topic);
  if (tasks.length === 0) {
    return refuse(
      message,
      "ERR_TASK_UNKNOWN",
      `no task "${header.serviceName}" ${header.serviceId && `with id "${header.serviceId}" `}listens on ${topic}; have ${[...known.keys()].join(", ")}`,
    );
  }
  if (header.action !== "stop") assertNoForeignCommand(header, body, view);
  switch (header.action) {
    case "start": {
      const running = tasks.filter(({ id }) => isRunning(known.get(id)));
      if (running.length === tasks.length) throw alive(running, known);
      return obey(
        message,
        tasks.filter((task) => !running.includes(task)).map((task) => ({ task, action: "start" })),
      );
    }
    case "restart":
      return obey(
        message,
        tasks.map((task) => ({ task, action: "restart" })),
      );
    case "stop":
      return obey(
        message,
        stopOrders(
          tasks.map(({ id }) => id),
          known,
        ),
      );
    default:
      return refuse(
        message,
        "ERR_MESSAGE_UNKNOWN",
        `unknown action "${header.action}": expected start, stop or restart`,
      );
  }
}

// A task that is known keeps its own command line; a message that brings another one is refused.
function assertNoForeignCommand({ serviceId, serviceName }: Header, body: JsonObject, { ownTasks }: View): void {
  const command = readBroughtCommand(body);
  if (command !== undefined) assertAllowedCommand(serviceId || serviceName, command, ownTasks);
}

function addressed({ serviceId, serviceName }: ProcessMessage["header"], known: TransactionView): TaskServiceConfig[] {
  return tasksOf(known).filter(
    (task) => (serviceName === ALL || serviceName === task.serviceName) && (serviceId === "" || serviceId === task.id),
  );
}

// --- control: what tasks say -----------------------------------------------------------------------------------------

function dispatchControl(announcement: ControlMessage, view: View): Decision {
  const { header } = announcement;
  if (header.serviceName === CONTEXT_NAME) return { kind: "ignore" };
  const known = view.find(header.transaction);
  if (known?.has(header.serviceId)) return { kind: "record", announcement };
  return {
    kind: "ignore",
    why: `"${header.action}" of task "${header.serviceId}" in transaction "${header.transaction}", which this provider does not run`,
  };
}

// --- state: queries --------------------------------------------------------------------------------------------------

const REPLIES: ReadonlyMap<string, ReplyWord> = new Map([
  ["request", "reply_context"],
  ["top", "reply_top"],
  ["plan", "reply_plan"],
]);

function dispatchState(query: StateMessage, view: View): Decision {
  const { action: asked, transaction } = query.header;
  if (asked === "plan" && isScope(transaction, view))
    return { kind: "replyPlan", query, transaction: transaction || undefined };
  const action = REPLIES.get(asked);
  if (action === undefined) return { kind: "ignore" };
  const reason = `transaction "${transaction}" ${view.whyUnknown(transaction)}`;
  if (action === "reply_plan") return { kind: "replyError", query, action, code: "ERR_TRANSACTION_UNKNOWN", reason };
  const isLastAsked = action === "reply_context" && view.hasEnded(transaction);
  if (isLastAsked || view.find(transaction) !== undefined) return { kind: "reply", query, action };
  return { kind: "replyError", query, action, code: "ERR_TRANSACTION_UNKNOWN", reason };
}

// --- shared ------------------------------------------------------------------------------------------------------------

function obey(command: ContextMessage | ProcessMessage, orders: Order[]): Decision {
  return { kind: "obey", command, orders };
}

function refuse(command: Message, code: ErrorCode, reason: string): Decision {
  return { kind: "refuse", command, code, reason };
}

function unknownTransaction(transaction: string, view: View): never {
  throw new ZcontextError("ERR_TRANSACTION_UNKNOWN", `transaction "${transaction}" ${view.whyUnknown(transaction)}`);
}
