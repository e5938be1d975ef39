// Turns what the provider knows into what the dashboard shows: definitions, transactions, costs, reasons for bad health.
// Pure.

import { quoteWord } from "../../config/command.ts";
import type { Command, ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { entersAtOnce, idsCalled } from "../../config/meaning.ts";
import type { BusState } from "../../protocol/bus-figures.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { isTrouble, wordsFor } from "../../protocol/task-state.ts";
import { MIB_BYTES } from "../../units.ts";
import type { Cost, RunFacts, TaskDefinition, TaskSnapshot, TransactionSnapshot } from "../contract/api.ts";
import type { EndedTransaction, ShownRecord, Source } from "../contract/source.ts";

export function definitionsOf({ tasks, contextId }: ContextConfig): TaskDefinition[] {
  const allIds = tasks.map(({ id }) => id);
  return tasks.map((task) => ({
    id: task.id,
    instance: task.instance,
    serviceName: task.serviceName,
    description: task.description,
    serviceType: task.serviceType,
    ...(task.command === undefined ? {} : { command: lineOf(task.command) }),
    entersAtOnce: entersAtOnce(task),
    dependsOn: task.supervision.dependsOn,
    triggers: triggersOf(task, contextId, allIds),
  }));
}

function lineOf({ program, words }: Command): string {
  return [program, ...words].map(quoteWord).join(" ");
}

function triggersOf({ triggers }: TaskServiceConfig, contextId: string, allIds: string[]) {
  return Object.entries(triggers).map(([event, trigger]) => ({
    event,
    action: trigger.action,
    call: idsCalled(trigger, contextId, allIds),
    callsAll: trigger.call.some((name) => name === "all" || (name !== "" && name === contextId)),
  }));
}

/** What is known about the runs of a task. */
export type FactsOf = (transaction: string, task: string) => RunFacts;

export function transactionsOf(
  transactions: ReturnType<Source["transactions"]>,
  factsOf: FactsOf = () => ({}),
): TransactionSnapshot[] {
  return transactions.map(({ transaction: id, tasks }) => ({
    id,
    tasks: tasks.map((task) => snapshotOf(task, factsOf(id, task.service_id))),
  }));
}

export function endedOf(transactions: readonly EndedTransaction[], factsOf: FactsOf): TransactionSnapshot[] {
  return transactions.map(({ transaction: id, record: { tasks, ended }, isAsked }) => ({
    id,
    ...(ended === undefined ? {} : { endedAt: ended }),
    isAskedToEnd: isAsked,
    tasks: tasks.map((task) => snapshotOf(task, factsOf(id, task.service_id))),
  }));
}

function snapshotOf(
  { service_id, instance, serviceName, lifecycle, pid, runs, reason, next_run, streams }: ShownRecord,
  facts: RunFacts,
): TaskSnapshot {
  return {
    id: service_id,
    instance,
    serviceName,
    state: lifecycle,
    pid,
    runs,
    ...(reason ? { reason } : {}),
    ...(next_run === undefined ? {} : { nextRun: next_run }),
    ...(streams === undefined ? {} : { streams }),
    ...facts,
  };
}

/** The provider's own cost, by an overview; undefined where that has none. */
export function costOf({ provider, forwarder, broker, sampling }: JsonObject): Cost | undefined {
  const figure = (member: Json | undefined, name: string) => {
    const value = isObject(member) ? member[name] : undefined;
    return typeof value === "number" ? value : 0;
  };
  if (!isObject(provider)) return undefined;
  const sum = (name: string) => figure(provider, name) + figure(forwarder, name) + figure(broker, name);
  return {
    cpuPercent: sum("cpu_percent"),
    residentBytes: sum("rss") * MIB_BYTES,
    samplingPercent: figure(sampling, "cpu_percent"),
  };
}

/**
 * Why `/_health` is not OK; empty where it is. A task is not well while something is wrong with it, and from then until it
 * runs again. A transaction that is over counts by how it ended, unless a command has ended it. A broker counts once it has
 * been needed, and a group whose members settle nothing.
 */
export function unhealthyReasonsOf(
  transactions: readonly TransactionSnapshot[],
  { isForwarderThere, bus }: { isForwarderThere: boolean; bus: BusState | undefined },
): string[] {
  const tasks = transactions
    .filter(({ isAskedToEnd }) => isAskedToEnd !== true)
    .flatMap(({ id, tasks }) => tasks.filter(isUnwell).map((task) => describe(id, task)));
  return [...(isForwarderThere ? [] : ["the forwarder is away"]), ...busReasonsOf(bus), ...tasks];
}

function busReasonsOf(bus: BusState | undefined): string[] {
  const stalled = (bus?.figures?.queues ?? []).filter(({ stalled_s }) => stalled_s !== undefined);
  return [
    ...(bus?.trouble === undefined ? [] : [bus.trouble]),
    ...stalled.map(
      ({ event, group, ready, stalled_s }) =>
        `group ${group} has settled no ${event} for ${stalled_s} s, though ${ready} wait and members are connected`,
    ),
  ];
}

function isUnwell({ state, reason, trouble }: TaskSnapshot): boolean {
  return isTrouble(state) || trouble !== undefined || (state === "backingOff" && reason !== undefined);
}

function describe(transaction: string, { id, state, reason, trouble = reason }: TaskSnapshot): string {
  const why = trouble === undefined ? "" : `: ${trouble}`;
  return `${id} of ${transaction} is ${wordsFor(state)}${why}`;
}
