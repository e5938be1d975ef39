// Decides what a message means for this provider: which orders it gives, or why it is refused. It only looks; the
// controller acts. Rules: docs/protocol.md, "What is accepted". Pure.
import type { Supervision, TaskServiceConfig } from "../../config/context-config.ts";
import { entersAtOnce, withOwnSupervision } from "../../config/meaning.ts";
import { readBroughtCommand, readTaskServiceIds, readTaskServices } from "../../config/task-service.ts";
import { type ErrorCode, ZcontextError } from "../../errors.ts";
import { assertAllowedCommand } from "../../launch/allowed-commands.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
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
import { hasProcess, isPending } from "../../protocol/task-state.ts";
import type { Order } from "../task/task-contract.ts";
import type { TaskView, TransactionView } from "../transaction/transaction.ts";

/** What the provider knows when a message comes. */
export interface View {
  /** Empty until the file or the first start has given it. */
  contextId: string;
  /** The tasks of the provider's own file. */
  ownTasks: readonly TaskServiceConfig[];
  /** How tasks are supervised that the provider's own file does not have. */
  supervision: Supervision;
  find(transaction: string): TransactionView | undefined;
  /** The transactions in which a task runs or is to run. */
  busy(): readonly string[];
  /** Whether it is over, and its last state still known. */
  hasEnded(transaction: string): boolean;
  /** Why there is no such transaction, in a clause: it never was, or it has ended. */
  whyUnknown(transaction: string): string;
  /** Whether the code of a task lies where this provider may load code from. */
  mayLoad(task: TaskServiceConfig): boolean;
}

/** What a message leads to; each decision carries the message that it is about. */
export type Decision =
  | { kind: "obey"; command: ContextMessage | ProcessMessage; orders: Order[] }
  | { kind: "leave"; command: ContextMessage }
  | { kind: "refuse"; command: Message; code: ErrorCode; reason: string }
  | { kind: "record"; announcement: ControlMessage }
  | { kind: "reply"; query: StateMessage; action: ReplyWord }
  | { kind: "replyError"; query: StateMessage; action: ReplyWord; code: ErrorCode; reason: string }
  /** Nothing to do; `why` where the log should say it. */
  | { kind: "ignore"; why?: string };

export type ReplyWord = "reply_context" | "reply_top";

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
  if (!TRANSACTION.test(header.transaction)) {
    return refuse(
      message,
      "ERR_MESSAGE_MALFORMED",
      "header.service_transaction: expected 1 to 256 characters on one line, and not __proto__",
    );
  }
  const known = view.find(header.transaction);
  switch (header.action) {
    case "start":
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
        `unknown action "${header.action}": expected start, stop, restart or exit`,
      );
  }
}

// A start of a context that names no transaction is not meant to run it a second time. Only the provider can tell: of
// two that come at once, each sees that nothing runs.
function assertIdle(transaction: string, view: View): void {
  const others = view.busy().filter((id) => id !== transaction);
  if (others.length > 0) throw new ZcontextError("ERR_TASK_ALIVE", `${others.join(", ")} runs: nothing was started`);
}

/** The tasks that a command is for. */
interface Selection {
  tasks: readonly TaskServiceConfig[];
  /** It picks them out, rather than to mean a whole context: those on demand run as well. */
  areNamed: boolean;
}

function whole(tasks: readonly TaskServiceConfig[]): Selection {
  return { tasks, areNamed: false };
}

// The tasks a command brings along; none of its own in most cases.
function selectionIn(
  configuration: Json | undefined,
  known: TransactionView | undefined,
  view: View,
  preferred: "as it runs" | "as in the file" = "as in the file",
): Selection | undefined {
  if (!isObject(configuration) || configuration.TaskService === undefined) return undefined;
  const { TaskService: given } = configuration;
  const entries = Array.isArray(given) ? given : [given];
  const [bare, complete] = [entries.filter(isId), entries.filter((entry) => !isId(entry))];
  const tasks = [
    ...lookUp(readTaskServiceIds({ TaskService: bare }), known, view, preferred),
    // As it came where there are none, so that a refusal names the places of the message.
    ...readTaskServices(bare.length === 0 ? configuration : { TaskService: complete }).map((task) =>
      withOwnSupervision(task, view),
    ),
  ];
  if (tasks.length === 0) return undefined;
  for (const task of tasks) assertMayRun(task, view);
  return { tasks, areNamed: complete.length === 0 || arePickedOut(tasks, tasksOf(known) ?? [], view) };
}

// The original sends the definitions of all tasks that are meant: those of a whole file, or of some of them.
function arePickedOut(
  tasks: readonly TaskServiceConfig[],
  present: readonly TaskServiceConfig[],
  { ownTasks }: View,
): boolean {
  const ids = new Set(tasks.map(({ id }) => id));
  const isPartOf = (all: readonly TaskServiceConfig[]) =>
    all.some(({ id }) => !ids.has(id)) && tasks.every(({ id }) => all.some((one) => one.id === id));
  const isWholeFile = ownTasks.length > 0 && ownTasks.every(({ id }) => ids.has(id));
  return !isWholeFile && (isPartOf(ownTasks) || isPartOf(present));
}

function assertMayRun(task: TaskServiceConfig, view: View): void {
  const { id, command, configuration } = task;
  if (command !== undefined) return assertAllowedCommand(id, command, view.ownTasks);
  if (view.mayLoad(task)) return;
  throw new ZcontextError(
    "ERR_LOCATION_FORBIDDEN",
    `${id}: code may not be loaded from ${JSON.stringify(configuration.location)}, which the provider's own file does not name`,
  );
}

// An entry that holds nothing but its id means the task the provider knows by it.
function isId(entry: Json): boolean {
  return isObject(entry) && Object.keys(entry).join() === "id";
}

function lookUp(
  ids: readonly string[],
  known: TransactionView | undefined,
  { ownTasks }: View,
  preferred: "as it runs" | "as in the file",
): TaskServiceConfig[] {
  return [...new Set(ids)].map((id) => {
    const own = ownTasks.find((each) => each.id === id);
    const running = known?.get(id)?.task;
    const task = preferred === "as it runs" ? (running ?? own) : (own ?? running);
    if (task !== undefined) return task;
    throw new ZcontextError(
      "ERR_TASK_UNKNOWN",
      `the provider's own file has no task ${id}; it has ${ownTasks.map((own) => own.id).join(", ")}`,
    );
  });
}

function startOrders(selection: Selection, known: TransactionView | undefined): Order[] {
  const { tasks } = selection;
  const running = tasks.filter(({ id }) => isRunning(known?.get(id)));
  if (running.length > 0) throw alive(running, known);
  return tasks.map((task) => startOrder(task, selection, known));
}

// One that is leaving is started once it is gone.
function isRunning(task: TaskView | undefined): boolean {
  return task !== undefined && hasProcess(task.state) && !task.isLeaving;
}

// A start of a whole context only registers the tasks on demand. Where it has no others, a second one runs them.
function startOrder(
  task: TaskServiceConfig,
  { tasks, areNamed }: Selection,
  known: TransactionView | undefined,
): Order {
  const isSecond = known?.get(task.id)?.state === "defined" && !tasks.some(entersAtOnce);
  return { task, action: areNamed || entersAtOnce(task) || isSecond ? "start" : "define" };
}

// A restart of a whole context leaves alone the tasks on demand that do not run, unless it has no others.
function restartOrders(selection: Selection, known: TransactionView | undefined): Order[] {
  const { tasks, areNamed } = selection;
  const isIdle = (task: TaskServiceConfig) => {
    const state = known?.get(task.id)?.state;
    return state !== undefined && !hasProcess(state) && !isPending(state) && !entersAtOnce(task);
  };
  const areAllMeant = areNamed || tasks.every(isIdle);
  return tasks
    .filter((task) => areAllMeant || !isIdle(task))
    .map((task) => (known?.has(task.id) ? { task, action: "restart" } : startOrder(task, selection, known)));
}

function stopOrders(ids: readonly string[], known: TransactionView): Order[] {
  assertKnown(ids, known);
  return [...known.values()]
    .filter((one) => (ids.length === 0 || ids.includes(one.task.id)) && mayBeStopped(one))
    .map(({ task }) => ({ task, action: "stop" }));
}

function mayBeStopped({ state, awaitsCode = false }: TaskView): boolean {
  return awaitsCode || hasProcess(state) || isPending(state) || state === "defined";
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

function dispatchState(query: StateMessage, view: View): Decision {
  const { action: asked, transaction } = query.header;
  const action = asked === "request" ? "reply_context" : asked === "top" ? "reply_top" : undefined;
  if (action === undefined) return { kind: "ignore" };
  const isLastAsked = action === "reply_context" && view.hasEnded(transaction);
  if (isLastAsked || view.find(transaction) !== undefined) return { kind: "reply", query, action };
  const reason = `transaction "${transaction}" ${view.whyUnknown(transaction)}`;
  return { kind: "replyError", query, action, code: "ERR_TRANSACTION_UNKNOWN", reason };
}

// --- shared ------------------------------------------------------------------------------------------------------------

function obey(command: ContextMessage | ProcessMessage, orders: Order[]): Decision {
  return { kind: "obey", command, orders };
}

function refuse(command: Message, code: ErrorCode, reason: string): Decision {
  return { kind: "refuse", command, code, reason };
}

function alive(tasks: readonly TaskServiceConfig[], known: TransactionView | undefined): ZcontextError {
  const states = tasks.map(({ id }) => `${id} is ${known?.get(id)?.state}`).join(", ");
  return new ZcontextError("ERR_TASK_ALIVE", `${states}: stop it first, or use restart`);
}

function tasksOf(known: TransactionView): TaskServiceConfig[];
function tasksOf(known: TransactionView | undefined): TaskServiceConfig[] | undefined;
function tasksOf(known: TransactionView | undefined): TaskServiceConfig[] | undefined {
  return known && [...known.values()].map(({ task }) => task);
}

function unknownTransaction(transaction: string, view: View): never {
  throw new ZcontextError("ERR_TRANSACTION_UNKNOWN", `transaction "${transaction}" ${view.whyUnknown(transaction)}`);
}

function assertKnown(ids: readonly string[], known: TransactionView): void {
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  throw new ZcontextError(
    "ERR_TASK_UNKNOWN",
    `no task ${unknown.join(", ")} in this transaction; have ${[...known.keys()].join(", ")}`,
  );
}
