// Hears what comes from the bus, has `dispatch` decide, and carries that out.
import type { Supervision, TaskServiceConfig } from "../../config/context-config.ts";
import { type ErrorCode, reasonOf, ZcontextError } from "../../errors.ts";
import type { InputFaults } from "../../input-faults.ts";
import type { Log } from "../../log.ts";
import type { Frame } from "../../protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import {
  CONTEXT_NAME,
  type ControlMessage,
  type Message,
  readMessage,
  requestIdOf,
  type StateMessage,
} from "../../protocol/message.ts";
import { readPublicationRequest, readTopOptions, type TopOptions } from "../../protocol/query.ts";
import type { Order } from "../task/task-contract.ts";
import * as report from "../transaction/report.ts";
import type { Transaction } from "../transaction/transaction.ts";
import type { Transactions, Watched } from "../transaction/transactions.ts";
import { createAnswered } from "./answered.ts";
import { dispatch, type View } from "./dispatch.ts";
import type { Publications } from "./publications.ts";

export interface ControllerOptions {
  transactions: Transactions;
  /** The tasks of the provider's own file. */
  ownTasks: readonly TaskServiceConfig[];
  /** How tasks are supervised that the file does not have. */
  supervision: Supervision;
  /** Of the provider's own publisher; what it says itself comes back from the bus. */
  incarnation: string;
  /** Whether the code of a task lies where this provider may load code from. */
  mayLoad(task: TaskServiceConfig): boolean;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
  /** Commands to tasks may come on this topic from now on. */
  listen(topic: string): void;
  /** The figures of a transaction's processes. */
  top(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
  publications: Publications;
  /** A message asks the provider to leave. */
  onLeave(): void;
  inputFaults: InputFaults;
  log: Log;
}

export interface Controller {
  /** A frame that came from the bus. */
  receive(frame: Frame): void;
  /**
   * Starts the provider's own file under this id.
   *
   * @throws {ZcontextError} as the refusal of a message would say.
   */
  start(transaction: string): void;
  /** Refuses commands from now on. */
  leave(): void;
}

export function createController(options: ControllerOptions): Controller {
  const { transactions, ownTasks, publish, log, inputFaults } = options;
  const { news } = transactions;
  const answered = createAnswered();
  /** Questions that are being looked into; one that is repeated meanwhile gets the same answer. */
  const looking = new Set<string>();
  let isLeaving = false;
  const view: View = {
    get contextId() {
      return transactions.contextId;
    },
    ownTasks,
    supervision: options.supervision,
    find: (transaction) => transactions.find(transaction)?.view,
    whyUnknown: transactions.whyUnknown,
    mayLoad: options.mayLoad,
  };

  function receive(frame: Frame): void {
    const message = read(frame);
    if (message === undefined || message.header.incarnation === options.incarnation || isFromOwnTask(message)) return;
    const { header } = message;
    if (answered.again(header.requestId)) return;
    transactions.find(header.transaction)?.catchUp();
    const decision = dispatch(message, view);
    switch (decision.kind) {
      case "obey":
        if (isLeaving) return refuse(about(message), "ERR_PROVIDER_LEAVING", "the provider is leaving");
        return obey(message, decision.orders);
      case "leave":
        accept(about(message), {});
        return options.onLeave();
      case "refuse":
        return refuse(about(message), decision.code, decision.reason);
      case "record":
        return transactions.find(header.transaction)?.note(message as ControlMessage);
      case "reply":
        return void answerOnce(message as StateMessage, decision.action);
      case "replyError":
        publish(report.errorReply(header, decision.action, decision.code, decision.reason, transactions.running()));
        return;
      case "ignore":
        if (decision.why !== undefined) inputFaults.add("announcement ignored", { reason: decision.why });
    }
  }

  function read(frame: Frame): Message | undefined {
    try {
      return readMessage(frame);
    } catch (error) {
      const { code, message: reason } = error as ZcontextError;
      inputFaults.add("malformed message", { topic: frame.topic, reason });
      // A command gets its answer, however it was spelled, as long as somebody can be told.
      if (frame.topic === "context")
        refuse(
          { contextId: view.contextId, transaction: transactionOf(frame), requestId: requestIdOf(frame) },
          code,
          reason,
        );
      return undefined;
    }
  }

  // What one of our own runs says goes to that run. A bus message is no proof: one that speaks in the name of another
  // task, or of a run that is over, is not recorded.
  function isFromOwnTask(message: Message): boolean {
    const { incarnation, sequence, serviceId, transaction } = message.header;
    if (message.kind !== "control" || incarnation === undefined || sequence === undefined) return false;
    const owner = transactions.ownerOf(incarnation);
    if (owner === undefined) return false;
    const { task, hear } = owner.supervised;
    if (task.id === serviceId && owner.transaction === transaction) hear(incarnation, sequence, message);
    else inputFaults.add("announcement in the name of another", { task: task.id, claimed: serviceId, transaction });
    return true;
  }

  function obey(message: Message, orders: readonly Order[]): void {
    const { transaction, serviceId, serviceName } = message.header;
    if (message.kind === "context" && view.contextId === "" && serviceId !== "none") transactions.contextId = serviceId;
    const present = transactions.open(transaction, serviceName);
    accept(about(message), Object.fromEntries(orders.map(({ task, action }) => [task.id, action])));
    log.info(
      { transaction, orders: orders.map(({ task, action }) => `${action} ${task.id}`) },
      `command ${message.header.action}`,
    );
    for (const { task } of orders) options.listen(task.topic);
    present.obey(orders);
  }

  function accept(to: report.About, orders: { [serviceId: string]: string }): void {
    answered.remember(to.requestId, () => news.answer(to, { orders }));
  }

  function refuse(to: report.About, code: ErrorCode, reason: string): void {
    inputFaults.add("command refused", { transaction: to.transaction, code, reason });
    answered.remember(to.requestId, () => publish(report.refused(to, code, reason)));
  }

  async function answerOnce(message: StateMessage, action: "reply_context" | "reply_top"): Promise<void> {
    const { requestId } = message.header;
    if (requestId === undefined) return answer(message, action);
    if (looking.has(requestId)) return;
    looking.add(requestId);
    await answer(message, action).finally(() => looking.delete(requestId));
  }

  async function answer({ header, content }: StateMessage, action: "reply_context" | "reply_top"): Promise<void> {
    const transaction = transactions.find(header.transaction) as Transaction;
    try {
      const found = action === "reply_context" ? transaction.record : await figuresFor(transaction, content);
      if (publish(report.reply(header, action, found))) return;
      throw new ZcontextError("ERR_MESSAGE_MALFORMED", "the answer is longer than a message may be: ask for less");
    } catch (error) {
      const reason = reasonOf(error);
      if (!(error instanceof ZcontextError))
        return log.error({ transaction: header.transaction, reason }, "no figures");
      inputFaults.add("query refused", { transaction: header.transaction, code: error.code, reason });
      publish(report.errorReply(header, action, error.code, reason, transactions.running()));
    }
  }

  async function figuresFor(transaction: Transaction, content: Json): Promise<JsonObject[]> {
    const asked = isObject(content) ? content.configuration : undefined;
    const wanted = readTopOptions(asked);
    const publication = readPublicationRequest(asked);
    if (publication !== undefined) await options.publications.ask(transaction.id, publication, wanted);
    return options.top(transactions.watch(transaction), wanted);
  }

  function about({ header }: Message): report.About {
    return { contextId: view.contextId, transaction: header.transaction, requestId: header.requestId };
  }

  return {
    receive,
    start(transaction) {
      const header = { action: "start", serviceId: view.contextId, serviceName: CONTEXT_NAME, transaction };
      const message: Message = { kind: "context", header, configuration: undefined };
      transactions.find(transaction)?.catchUp();
      const decision = dispatch(message, view);
      if (decision.kind === "refuse") throw new ZcontextError(decision.code, decision.reason);
      if (isLeaving) throw new ZcontextError("ERR_PROVIDER_LEAVING", "the provider is leaving");
      if (decision.kind === "obey") obey(message, decision.orders);
    },
    leave() {
      isLeaving = true;
    },
  };
}

function transactionOf({ body }: Frame): string {
  const header = isObject(body) ? body.header : undefined;
  return isObject(header) && typeof header.service_transaction === "string" ? header.service_transaction : "";
}
