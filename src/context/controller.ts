// Hears what comes from the bus, has `dispatch` decide, and carries that out on the transactions. Holds the provider's
// state: the transactions that are running, and a word about those that have ended.
import type { ContextConfig, Endpoints } from "../config/context-config.ts";
import { type Deferred, deferred } from "../deferred.ts";
import type { ContextError, ErrorCode } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Frame } from "../protocol/codec.ts";
import { isObject, type JsonObject } from "../protocol/json.ts";
import {
  CONTEXT_NAME,
  type ControlMessage,
  type Message,
  readMessage,
  requestIdOf,
  type StateMessage,
} from "../protocol/message.ts";
import type { Complaints } from "./complaints.ts";
import { dispatch, type Order, startOrders, type View } from "./dispatch.ts";
import { isAlive } from "./lifecycle.ts";
import { createNews } from "./news.ts";
import type { TaskRecord } from "./record.ts";
import * as report from "./report.ts";
import type { Services } from "./services.ts";
import type { Supervised } from "./supervisor.ts";
import type { Launcher } from "./task-process.ts";
import { openTransaction, type Transaction, type TransactionObserver } from "./transaction.ts";

/** A transaction and its tasks' records, with the pid of those whose process lives. */
export interface Watched {
  transaction: string;
  tasks: TaskRecord[];
}

/** How a transaction ended. */
export interface Outcome {
  transaction: string;
  tasks: { id: string; state: string; pid: number | null }[];
}

export interface ControllerOptions {
  config: ContextConfig;
  /** Where peers connect, and the four addresses as the bus shows them. */
  endpoints: Endpoints;
  addresses: JsonObject;
  /** Of the provider's own publisher; what it says itself comes back from the bus. */
  incarnation: string;
  services: Services;
  launcher: Launcher;
  graceMs: number;
  nowMs(): number;
  publish(message: Message): void;
  /** Commands to tasks may come on this topic from now on. */
  listen(topic: string): void;
  /** The figures of a transaction's processes. */
  top(watched: Watched): Promise<JsonObject[]>;
  /** A message asks the provider to leave. */
  onLeave(): void;
  complaints: Complaints;
  log: Log;
}

export interface Controller {
  readonly contextId: string;
  /** What runs, for whoever watches the processes. */
  watched(): Watched[];
  /** A frame that came from the bus, from anybody but the provider itself. */
  receive(frame: Frame): void;
  /** Starts the provider's own file under this id. */
  start(transaction: string): void;
  /** Ends the transaction as soon as nothing of it runs and nothing can follow but by a new command; resolves then. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Stops every transaction and resolves when every process is gone. */
  stopAll(): Promise<Outcome[]>;
  /** Task ids whose processes still live. */
  living(): string[];
  /** Ends every process at once. */
  kill(): void;
  close(): void;
}

/** Ended transactions of which a word is kept. */
const MAX_EPITAPHS = 100;

export function createController(options: ControllerOptions): Controller {
  const { config, publish, log, complaints } = options;
  const transactions = new Map<string, Transaction>();
  /** Runs by the incarnation of their publisher, those that are over included until their transaction is. */
  const runs = new Map<string, { supervised: Supervised; transaction: string }>();
  const epitaphs = new Map<string, string>();
  /** Transactions whose end somebody waits for, and those that are to end once they are quiet. */
  const over = new Map<string, Deferred<Outcome>>();
  const untilQuiet = new Set<string>();
  let { contextId } = config;
  const news = createNews({ contextId: () => contextId, transactions, publish });

  const view: View = {
    get contextId() {
      return contextId;
    },
    ownTasks: config.tasks,
    find: (transaction) => transactions.get(transaction)?.view,
    whyUnknown: (transaction) =>
      epitaphs.get(transaction) ?? `is unknown; running: ${[...transactions.keys()].join(", ") || "none"}`,
    mayLoad: options.services.mayLoad,
  };

  // --- what comes in ---

  function receive(frame: Frame): void {
    const message = read(frame);
    if (message === undefined || message.header.incarnation === options.incarnation || isFromOwnTask(message)) return;
    const decision = dispatch(message, view);
    const { header } = message;
    switch (decision.kind) {
      case "obey":
        return obey(message, decision.orders);
      case "leave":
        news.answer(about(message), { orders: {} });
        return options.onLeave();
      case "refuse":
        return refuse(about(message), decision.code, decision.reason);
      case "record":
        return transactions.get(header.transaction)?.note(message as ControlMessage);
      case "reply":
        return void answer(message as StateMessage, decision.action);
      case "replyError":
        return publish(report.errorReply(header, decision.action, decision.code, decision.reason));
      case "ignore":
        if (decision.why !== undefined) complaints.add("announcement ignored", { reason: decision.why });
    }
  }

  function read(frame: Frame): Message | undefined {
    try {
      return readMessage(frame);
    } catch (error) {
      const { code, message: reason } = error as ContextError;
      complaints.add("malformed message", { topic: frame.topic, reason });
      // A command gets its answer, however it was spelled, as long as somebody can be told.
      if (frame.topic === "context")
        refuse({ contextId, transaction: transactionOf(frame), requestId: requestIdOf(frame) }, code, reason);
      return undefined;
    }
  }

  // What one of our own runs says goes to that run. A bus message is no proof: one that speaks in the name of another
  // task, or of a run that is over, is not recorded.
  function isFromOwnTask(message: Message): boolean {
    const { incarnation, sequence, serviceId } = message.header;
    if (message.kind !== "control" || incarnation === undefined || sequence === undefined) return false;
    const run = runs.get(incarnation);
    if (run === undefined) return false;
    const { supervised } = run;
    if (supervised.task.id === serviceId) supervised.hear(incarnation, sequence, message);
    else complaints.add("announcement in the name of another", { task: supervised.task.id, claimed: serviceId });
    return true;
  }

  function obey(message: Message, orders: readonly Order[]): void {
    const { transaction, serviceId, serviceName } = message.header;
    if (contextId === "" && serviceId !== "none" && message.kind === "context") contextId = serviceId;
    const present = transactions.get(transaction) ?? open(transaction, serviceName);
    news.answer(about(message), { orders: Object.fromEntries(orders.map(({ task, action }) => [task.id, action])) });
    log.info(
      { transaction, orders: orders.map(({ task, action }) => `${action} ${task.id}`) },
      `command ${message.header.action}`,
    );
    for (const { task } of orders) options.listen(task.topic);
    present.obey(orders);
  }

  function refuse(to: report.About, code: ErrorCode, reason: string): void {
    complaints.add("command refused", { transaction: to.transaction, code, reason });
    publish(report.refused(to, code, reason));
  }

  async function answer({ header }: StateMessage, action: "reply_context" | "reply_top"): Promise<void> {
    const transaction = transactions.get(header.transaction) as Transaction;
    const content = action === "reply_context" ? transaction.record : await options.top(watch(transaction));
    publish(report.reply(header, action, content));
  }

  function about({ header }: Message): report.About {
    return { contextId, transaction: header.transaction, requestId: header.requestId };
  }

  // --- transactions ---

  function open(id: string, contextName: string): Transaction {
    const transaction = openTransaction(id, contextName, {
      contextId,
      endpoints: options.endpoints,
      configuration: options.addresses,
      logName: config.logName,
      ownTasks: config.tasks,
      launcher: options.launcher,
      prepare: options.services.prepare,
      graceMs: options.graceMs,
      nowMs: options.nowMs,
      publish,
      observer: observe(id),
    });
    transactions.set(id, transaction);
    epitaphs.delete(id);
    return transaction;
  }

  function observe(transaction: string): TransactionObserver {
    const fieldsOf = ({ task }: Supervised) => ({ task: task.id, transaction });
    return {
      onRun: (supervised, incarnation) => runs.set(incarnation, { supervised, transaction }),
      onMoved(supervised) {
        const { state, life } = supervised.standing;
        const pid = life.pid === undefined ? {} : { pid: life.pid };
        const reason = state === "failed" ? { reason: life.reason } : {};
        const isEnding = state === "stopping" && !life.requested; // by itself: nobody asked
        log[state === "failed" ? "warn" : "info"](
          { ...fieldsOf(supervised), ...pid, ...reason },
          isEnding ? "ending" : state,
        );
      },
      onChanged: () => news.changed(transaction),
      onTriggered(supervised, event, { action, ...to }) {
        const { serviceIds = [], unknown = [] } = to as { serviceIds?: string[]; unknown?: string[] };
        const reason = event === "on_fail" ? { reason: supervised.standing.life.reason } : {};
        log.info({ ...fieldsOf(supervised), action, call: serviceIds, ...reason }, `trigger ${event}`);
        if (unknown.length > 0)
          log.warn({ ...fieldsOf(supervised), event, unknown }, "trigger calls tasks that do not exist");
      },
      onSlowed(supervised) {
        const slowed = report.throttled({ contextId, transaction }, supervised.task.id);
        log.warn({ ...fieldsOf(supervised), reason: slowed.status.reason }, "triggers run away");
        publish(slowed);
      },
      onOutput: (supervised, stream, line) => log.info({ ...fieldsOf(supervised), stream, line }, "output"),
      onGarbage: (supervised, { message }) =>
        complaints.add("malformed line", { ...fieldsOf(supervised), reason: message }),
      onQuiet(isOver) {
        if (isOver) end(transaction);
        else if (untilQuiet.has(transaction)) transactions.get(transaction)?.stop();
      },
    };
  }

  function end(id: string): void {
    const transaction = transactions.get(id);
    if (transaction === undefined) return;
    news.last(id);
    publish(report.ended({ contextId, transaction: id }));
    transactions.delete(id);
    for (const [incarnation, run] of runs) if (run.transaction === id) runs.delete(incarnation);
    const outcome = outcomeOf(transaction);
    remember(outcome);
    log.info({ transaction: id, tasks: outcome.tasks.map((task) => `${task.id} ${task.state}`) }, "transaction ended");
    untilQuiet.delete(id);
    over.get(id)?.resolve(outcome);
    over.delete(id);
  }

  function remember({ transaction, tasks }: Outcome): void {
    epitaphs.set(transaction, `has ended: ${tasks.map(({ id, state }) => `${id} ${state}`).join(", ")}`);
    const [oldest] = epitaphs.keys();
    if (epitaphs.size > MAX_EPITAPHS && oldest !== undefined) epitaphs.delete(oldest);
  }

  function whenOver(id: string): Promise<Outcome> {
    const end = over.get(id) ?? deferred<Outcome>();
    over.set(id, end);
    return end.promise;
  }

  return {
    get contextId() {
      return contextId;
    },
    watched: () => [...transactions.values()].map(watch),
    receive,
    start(transaction) {
      const header = { action: "start", serviceId: contextId, serviceName: CONTEXT_NAME, transaction };
      obey({ kind: "context", header, configuration: undefined }, startOrders(config.tasks, undefined));
    },
    untilDone(transaction) {
      untilQuiet.add(transaction);
      return whenOver(transaction);
    },
    stopAll() {
      const ends = [...transactions.keys()].map(whenOver);
      for (const transaction of transactions.values()) transaction.stop();
      return Promise.all(ends);
    },
    living: () =>
      [...transactions.values()].flatMap(({ tasks }) => [...tasks].filter(isLiving).map(({ task }) => task.id)),
    kill() {
      for (const { tasks } of transactions.values()) for (const supervised of tasks) supervised.kill();
    },
    close: news.close,
  };
}

function outcomeOf({ id, tasks }: Transaction): Outcome {
  return {
    transaction: id,
    tasks: [...tasks].map(({ task, standing }) => ({
      id: task.id,
      state: standing.state,
      pid: standing.life.pid ?? null,
    })),
  };
}

function watch({ id, tasks }: Transaction): Watched {
  return { transaction: id, tasks: [...tasks].map(liveRecord) };
}

function isLiving({ standing }: Supervised): boolean {
  return isAlive(standing.state);
}

// The pid of a process that has ended may be somebody else's by now.
function liveRecord(supervised: Supervised): TaskRecord {
  return isLiving(supervised) ? supervised.record : { ...supervised.record, pid: null };
}

function transactionOf({ body }: Frame): string {
  const header = isObject(body) ? body.header : undefined;
  return isObject(header) && typeof header.service_transaction === "string" ? header.service_transaction : "";
}
