// Takes what comes in, has `dispatch` decide, and carries that out.
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { hasFailed, planJson, type ReloadPlan } from "../../config/planned-change.ts";
import { type ErrorCode, ZcontextError } from "../../errors.ts";
import { ENDING_TOPIC, type Frame, STREAMS_TOPIC } from "../../protocol/codec.ts";
import { isObject } from "../../protocol/json.ts";
import {
  CONTEXT_NAME,
  type ContextMessage,
  type ControlMessage,
  type Message,
  type ProcessMessage,
  readMessage,
  requestIdOf,
} from "../../protocol/message.ts";
import { hasProcess, isPending } from "../../protocol/task-state.ts";
import type { Order, SupervisedTask } from "../task/task-contract.ts";
import * as report from "../transaction/report.ts";
import type { Transaction } from "../transaction/transaction.ts";
import type { Transactions } from "../transaction/transactions.ts";
import { createAnswered } from "./answered.ts";
import type { ControlChannel } from "./control-channel.ts";
import { dispatch } from "./dispatch.ts";
import type { Identity } from "./identity.ts";
import { faultJson, type ReloadScope } from "./reload.ts";
import { createReplies, type RepliesOptions, recordOfEnded } from "./replies.ts";
import type { View } from "./view.ts";

export interface ControllerOptions extends RepliesOptions {
  identity: Identity;
  transactions: Transactions;
  /** The provider's own file as it holds now. */
  config(): Pick<ContextConfig, "tasks" | "supervision">;
  /** Whether the code of a task lies where this provider may load code from. */
  mayLoad(task: TaskServiceConfig): boolean;
  channel: Pick<ControlChannel, "incarnation" | "publish" | "listen">;
  /** Has the file, as it is now, take hold. */
  apply(scope: ReloadScope): Promise<ReloadPlan>;
  /** A message asks the provider to leave. */
  onLeave(): void;
}

export interface Controller {
  /** A frame that came in. */
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

const LEAVING = { code: "ERR_PROVIDER_LEAVING", reason: "the provider is leaving" } as const;

export function createController(options: ControllerOptions): Controller {
  const { identity, transactions, config, mayLoad, channel, log, inputFaults } = options;
  const answered = createAnswered();
  const replies = createReplies(options);
  let isLeaving = false;
  const view: View = {
    get contextId() {
      return identity.contextId;
    },
    get ownTasks() {
      return config().tasks;
    },
    get supervision() {
      return config().supervision;
    },
    find: (transaction) => transactions.find(transaction)?.view,
    busy: () => transactions.running().filter((id) => isBusy(transactions.find(id))),
    hasEnded: (transaction) => recordOfEnded(transactions, transaction) !== undefined,
    whyUnknown: transactions.whyUnknown,
    mayLoad,
  };

  function receive(frame: Frame): void {
    if (frame.topic === ENDING_TOPIC) return hearPrivately(frame, (task, ...told) => task.hearEnding(...told));
    if (frame.topic === STREAMS_TOPIC) return hearPrivately(frame, (task, ...told) => task.hearStreams(...told));
    const message = read(frame);
    if (message === undefined || message.header.incarnation === channel.incarnation || isFromOwnTask(message)) return;
    if (answered.again(message.header.requestId)) return;
    const decision = dispatch(message, view);
    switch (decision.kind) {
      case "obey":
        if (isLeaving) return refuse(about(message), LEAVING.code, LEAVING.reason);
        return obey(decision.command, decision.orders);
      case "leave":
        accept(about(decision.command), {});
        return options.onLeave();
      case "apply":
        if (isLeaving) return refuse(about(message), LEAVING.code, LEAVING.reason);
        return void apply(about(decision.command), { transaction: decision.transaction });
      case "replyPlan":
        return void replies.plan(decision.query, { transaction: decision.transaction });
      case "refuse":
        return refuse(about(decision.command), decision.code, decision.reason);
      case "record":
        return transactions.find(message.header.transaction)?.note(decision.announcement);
      case "reply":
        return void replies.answer(decision.query, decision.action);
      case "replyError":
        return void replies.refuse(decision.query, decision.action, decision.code, decision.reason);
      case "ignore":
        if (decision.why !== undefined) inputFaults.add("announcement ignored", { reason: decision.why });
    }
  }

  function read(frame: Frame): Message | undefined {
    try {
      return readMessage(frame);
    } catch (error) {
      if (!(error instanceof ZcontextError)) throw error;
      const { code, message: reason } = error;
      inputFaults.add("malformed message", { topic: frame.topic, reason });
      // A command gets its answer however it was spelled, as long as the sender can be told.
      const to = { contextId: identity.contextId, transaction: transactionOf(frame), requestId: requestIdOf(frame) };
      if (frame.topic === "context") refuse(to, code, reason);
      return undefined;
    }
  }

  // What one of our own runs says goes to that run. A message is no proof: one that speaks in the name of another task,
  // or of a run that is over, is not recorded. One without a number is of a program that speaks once, such as a script.
  function isFromOwnTask(message: Message): boolean {
    const { incarnation, sequence, serviceId, transaction } = message.header;
    if (message.kind !== "control" || incarnation === undefined) return false;
    const owner = transactions.ownerOf(incarnation);
    if (owner === undefined) return false;
    const { task, hear } = owner.task;
    if (task.id === serviceId && owner.transaction === transaction) hear(incarnation, sequence, message);
    else inputFaults.add("announcement in the name of another", { task: task.id, claimed: serviceId, transaction });
    return true;
  }

  // What a task tells us alone. A program has no pipe, and the forwarder keeps this behind all that it has announced.
  function hearPrivately(
    { body }: Frame,
    hear: (task: SupervisedTask, incarnation: string, message: ControlMessage) => void,
  ): void {
    const message = read({ topic: "control", body });
    if (message?.kind !== "control" || message.header.incarnation === undefined) return;
    const { incarnation } = message.header;
    const owner = transactions.ownerOf(incarnation);
    if (owner !== undefined) hear(owner.task, incarnation, message);
  }

  function obey(command: ContextMessage | ProcessMessage, orders: readonly Order[]): void {
    const { transaction, serviceId, serviceName, action } = command.header;
    if (command.kind === "context" && identity.contextId === "" && serviceId !== "none") identity.contextId = serviceId;
    const present = transactions.open(transaction, serviceName);
    accept(about(command), Object.fromEntries(orders.map((order) => [order.task.id, order.action])));
    log.info({ transaction, orders: orders.map((order) => `${order.action} ${order.task.id}`) }, `command ${action}`);
    for (const { task } of orders) channel.listen(task.topic);
    present.obey(orders);
  }

  // The answer comes at once, and says how it has come out if the request is repeated after that.
  async function apply(to: report.About, scope: ReloadScope): Promise<void> {
    answered.remember(to.requestId, () => channel.publish(report.applying(to)));
    log.info({ ...scope }, "command apply");
    const told = await options.apply(scope).then(
      (plan) => report.applied(to, hasFailed(plan) ? "failure" : "success", planJson(plan)),
      (error: unknown) => {
        const fault = faultJson(error);
        log.error(fault, "not applied");
        return report.notApplied(to, fault);
      },
    );
    answered.remember(to.requestId, () => channel.publish(told));
  }

  function accept(to: report.About, orders: { [serviceId: string]: string }): void {
    answered.remember(to.requestId, () => transactions.statePublisher.answer(to, { orders }));
  }

  function refuse(to: report.About, code: ErrorCode, reason: string): void {
    inputFaults.add("command refused", { transaction: to.transaction, code, reason });
    answered.remember(to.requestId, () => channel.publish(report.refused(to, code, reason)));
  }

  function about({ header }: Message): report.About {
    return { contextId: identity.contextId, transaction: header.transaction, requestId: header.requestId };
  }

  return {
    receive,
    start(transaction) {
      const header = { action: "start", serviceId: identity.contextId, serviceName: CONTEXT_NAME, transaction };
      const decision = dispatch({ kind: "context", header, configuration: undefined }, view);
      if (decision.kind === "refuse") throw new ZcontextError(decision.code, decision.reason);
      if (isLeaving) throw new ZcontextError(LEAVING.code, LEAVING.reason);
      if (decision.kind === "obey") obey(decision.command, decision.orders);
    },
    leave() {
      isLeaving = true;
    },
  };
}

function isBusy(transaction: Transaction | undefined): boolean {
  return [...(transaction?.view.values() ?? [])].some(({ state }) => hasProcess(state) || isPending(state));
}

function transactionOf({ body }: Frame): string {
  const header = isObject(body) ? body.header : undefined;
  return isObject(header) && typeof header.service_transaction === "string" ? header.service_transaction : "";
}
