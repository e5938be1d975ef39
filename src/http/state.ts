// Turns what the provider knows into what the dashboard shows: definitions, transactions, costs, reasons for bad health.
// Pure.
import type { ContextConfig, TaskServiceConfig } from "../config/context-config.ts";
import { entersAtOnce, idsCalled } from "../config/meaning.ts";
import { isObject, type Json, type JsonObject } from "../protocol/json.ts";
import { isTrouble, wordsFor } from "../protocol/task-state.ts";
import { MIB_BYTES } from "../units.ts";
import type { Cost, TaskDefinition, TaskSnapshot, TransactionSnapshot } from "./api.ts";
import type { ShownRecord, Source } from "./source.ts";

export function definitionsOf({ tasks, contextId }: ContextConfig): TaskDefinition[] {
  const allIds = tasks.map(({ id }) => id);
  return tasks.map((task) => ({
    id: task.id,
    instance: task.instance,
    serviceName: task.serviceName,
    description: task.description,
    serviceType: task.serviceType,
    entersAtOnce: entersAtOnce(task),
    dependsOn: task.supervision.dependsOn,
    triggers: triggersOf(task, contextId, allIds),
  }));
}

function triggersOf({ triggers }: TaskServiceConfig, contextId: string, allIds: string[]) {
  return Object.entries(triggers).map(([event, trigger]) => ({
    event,
    action: trigger.action,
    call: idsCalled(trigger, contextId, allIds),
    callsAll: trigger.call.some((name) => name === "all" || (name !== "" && name === contextId)),
  }));
}

export function transactionsOf(transactions: ReturnType<Source["transactions"]>): TransactionSnapshot[] {
  return transactions.map(({ transaction, tasks }) => ({ id: transaction, tasks: tasks.map(snapshotOf) }));
}

function snapshotOf({ service_id, instance, serviceName, lifecycle, pid, runs, reason }: ShownRecord): TaskSnapshot {
  return { id: service_id, instance, serviceName, state: lifecycle, pid, runs, ...(reason ? { reason } : {}) };
}

/** The provider's own cost, by an overview; undefined where that has none. */
export function costOf({ provider, forwarder, sampling }: JsonObject): Cost | undefined {
  const figure = (member: Json | undefined, name: string) => {
    const value = isObject(member) ? member[name] : undefined;
    return typeof value === "number" ? value : 0;
  };
  if (!isObject(provider)) return undefined;
  const sum = (name: string) => figure(provider, name) + figure(forwarder, name);
  return {
    cpuPercent: sum("cpu_percent"),
    residentBytes: sum("rss") * MIB_BYTES,
    samplingPercent: figure(sampling, "cpu_percent"),
  };
}

/** Why `/_health` is not OK; empty where it is. */
export function unhealthyReasonsOf(
  transactions: readonly TransactionSnapshot[],
  { isForwarderThere }: { isForwarderThere: boolean },
): string[] {
  const tasks = transactions.flatMap(({ id, tasks }) =>
    tasks
      .filter(({ state }) => isTrouble(state))
      .map(
        (task) =>
          `${task.id} of ${id} is ${wordsFor(task.state)}${task.reason === undefined ? "" : `: ${task.reason}`}`,
      ),
  );
  return [...(isForwarderThere ? [] : ["the forwarder is away"]), ...tasks];
}
