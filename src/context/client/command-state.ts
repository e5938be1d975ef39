// What is known of one command: which orders the provider has made of it, and how each of them stands. A value, and a
// function that folds each message into it. Pure.
import { isObject } from "../../protocol/json.ts";
import { CONTEXT_NAME, type ControlMessage, type Message, type StateMessage } from "../../protocol/message.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { type Orders, readOrders, readTasks, readTasksOf } from "./answers.ts";
import type { Command } from "./command.ts";
import { isContrary, type OrderOutcome, outcomeOf, waitingInVain } from "./order-outcome.ts";

/** A task when a command has settled; without an outcome where it had no order, or its order is still under way. */
export type SettledTask = TaskRecord & Partial<OrderOutcome>;

export interface CommandState {
  readonly action: Command["action"];
  readonly transaction: string;
  /** The request id under which the command goes out. */
  readonly requestId: string;
  /** Absent until the provider has accepted the command. */
  readonly orders?: Orders;
  /** The tasks as they stood before they were told. */
  readonly before: readonly TaskRecord[];
  /** The tasks as last shown since. */
  readonly records?: readonly TaskRecord[];
  /** Tasks that have been running since. */
  readonly started: ReadonlySet<string>;
  /** Outcomes that nothing later can change. */
  readonly final: ReadonlyMap<string, OrderOutcome>;
  /** Requests whose answers were heard: a request that is sent twice is answered twice. */
  readonly answered: ReadonlySet<string>;
  /** The last word came in reply to a question rather than by an announcement. */
  readonly isConfirmed: boolean;
  readonly hasProviderLeft: boolean;
}

/**
 * `underway`: an order has no outcome yet. `unconfirmed`: all have, and one is a failure that only an announcement tells
 * of. A trigger may start such a task again, and the provider carries that out before it answers the next question.
 */
export type Phase = "underway" | "unconfirmed" | "settled";

/** A command that is about to go out. */
export function newCommandState({ action, transaction }: Command, requestId: string): CommandState {
  return {
    action,
    transaction,
    requestId,
    before: [],
    started: new Set(),
    final: new Map(),
    answered: new Set(),
    isConfirmed: false,
    hasProviderLeft: false,
  };
}

/** What is known once a message was heard; the same value when it says nothing about the command. */
export function hear(state: CommandState, message: Message): CommandState {
  if (message.kind === "state") return hearReply(state, message);
  if (message.kind !== "control") return state;
  const { serviceName, transaction } = message.header;
  if (serviceName === CONTEXT_NAME) return hearProvider(state, message);
  return transaction === state.transaction ? hearTask(state, message) : state;
}

function hearReply(state: CommandState, { header, content }: StateMessage): CommandState {
  if (header.action !== "reply_context" || header.transaction !== state.transaction) return state;
  const shown = isObject(content) && !isObject(content.error) ? readTasks(content) : undefined;
  return shown === undefined ? state : { ...withRecords(state, shown), isConfirmed: true };
}

function hearProvider(state: CommandState, message: ControlMessage): CommandState {
  const { header } = message;
  // Any peer can say so; it ends nothing but the command that asked for it.
  if (header.action === "exited" && state.action === "exit" && state.orders !== undefined)
    return { ...state, hasProviderLeft: true };
  const shown = readTasksOf(state.transaction, message);
  const orders = readOrders(message);
  if (orders !== undefined && state.orders === undefined && header.requestId === state.requestId)
    return accepted(state, orders, shown ?? []);
  const seen = shown === undefined ? state : { ...withRecords(state, shown), isConfirmed: false };
  if (orders === undefined || header.transaction !== state.transaction) return seen;
  return withLaterOrders(seen, orders, header.requestId);
}

// The answer shows the tasks as they were before; all that is shown later has the command in it.
function accepted(state: CommandState, orders: Orders, before: readonly TaskRecord[]): CommandState {
  return { ...state, orders, before, answered: new Set([...state.answered, state.requestId]) };
}

function hearTask(state: CommandState, { header, status }: ControlMessage): CommandState {
  if (header.action !== "started" || status.result !== "success") return state;
  const { serviceId } = header;
  // A task that is restarted may still announce the start of its previous run.
  const isNewRun =
    state.orders?.get(serviceId) === "start" || runsOf(state.records, serviceId) > runsOf(state.before, serviceId);
  if (!isNewRun || state.started.has(serviceId)) return state;
  return { ...state, started: new Set([...state.started, serviceId]), isConfirmed: false };
}

function withRecords(state: CommandState, records: readonly TaskRecord[]): CommandState {
  if (state.orders === undefined) return state;
  const started = new Set(state.started);
  const final = new Map(state.final);
  for (const record of records) {
    const { service_id: id, lifecycle } = record;
    if (lifecycle === "running") started.add(id);
    // The run that had started is over.
    if (lifecycle === "backingOff") started.delete(id);
    // A stopped task has obeyed: a later start is not this command's matter.
    const outcome = state.orders.get(id) === "stop" && !final.has(id) ? outcomeOf("stop", record, false) : undefined;
    if (outcome !== undefined) final.set(id, outcome);
  }
  return { ...state, records, started, final };
}

function withLaterOrders(state: CommandState, later: Orders, requestId: string | undefined): CommandState {
  if (requestId !== undefined && state.answered.has(requestId)) return state;
  const answered = requestId === undefined ? state.answered : new Set([...state.answered, requestId]);
  const outcomes = outcomesOf(state);
  const final = new Map(state.final);
  for (const [id, order] of state.orders ?? []) {
    const next = later.get(id);
    if (next === undefined || !isContrary(order, next)) continue;
    const reason = `${next} of ${id} has superseded it`;
    final.set(id, outcomes.get(id) ?? { outcome: "superseded", reason });
  }
  return { ...state, answered, final };
}

/** How the orders came out, by task; those under way are left out. */
export function outcomesOf(state: CommandState): ReadonlyMap<string, OrderOutcome> {
  const { orders = [], records, started, final } = state;
  if (records === undefined) return final;
  const outcomes = new Map<string, OrderOutcome>();
  const inVain = waitingInVain(records);
  for (const [id, order] of orders) {
    const record = recordOf(records, id);
    const outcome = final.get(id) ?? outcomeOf(order, record, started.has(id));
    if (outcome !== undefined) outcomes.set(id, outcome);
    else if (inVain.has(id)) outcomes.set(id, { outcome: "failure", reason: record?.reason ?? "waits in vain" });
  }
  return outcomes;
}

/** The tasks whose orders are under way. */
export function tasksUnderway(state: CommandState): string[] {
  const outcomes = outcomesOf(state);
  return [...(state.orders?.keys() ?? [])].filter((id) => !outcomes.has(id));
}

export function phaseOf(state: CommandState): Phase {
  if (state.action === "exit") return state.hasProviderLeft ? "settled" : "underway";
  const { orders, isConfirmed } = state;
  if (orders === undefined || tasksUnderway(state).length > 0) return "underway";
  const hasFailure = [...outcomesOf(state).values()].some(({ outcome }) => outcome === "failure");
  return hasFailure && !isConfirmed ? "unconfirmed" : "settled";
}

/** The tasks of the transaction as last shown, each with the outcome of its order. */
export function settledTasks(state: CommandState): SettledTask[] {
  const { records, before } = state;
  const outcomes = outcomesOf(state);
  return (records ?? before).map((record) => ({ ...record, ...outcomes.get(record.service_id) }));
}

/** Where a task stands, for people: `blocked: waits for db (stopped)`. */
export function standingOf({ records, before }: CommandState, id: string): string {
  const { lifecycle = "unknown", reason = "" } = recordOf(records ?? before, id) ?? {};
  return reason === "" ? lifecycle : `${lifecycle}: ${reason}`;
}

function recordOf(records: readonly TaskRecord[] | undefined, id: string): TaskRecord | undefined {
  return records?.find(({ service_id }) => service_id === id);
}

function runsOf(records: readonly TaskRecord[] | undefined, id: string): number {
  return recordOf(records, id)?.runs ?? 0;
}
