// Has another model of the context take hold while the provider runs: one change after the other, each as a whole or not at
// all up to the moment at which the model is replaced. Before that, code is prepared and replacements are tried; after it,
// tasks are removed, restarted and added.
import { dirname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { contextChanges, takenOver } from "../../config/changes.ts";
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import type { PlannedChange, PlannedTask, ReloadPlan } from "../../config/planned-change.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Services } from "../../launch/code/services.ts";
import { readEnvironment } from "../../launch/environment/task-environment.ts";
import type { Log } from "../../log.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { isEnding } from "../../protocol/task-state.ts";
import type { Journal } from "../journal/journal.ts";
import { whyIn } from "../task/record.ts";
import type { Cause, Order, SupervisedTask } from "../task/task-contract.ts";
import { planFile, planTransaction, type TransactionPlan } from "../transaction/reload-plan.ts";
import type { Transaction } from "../transaction/transaction.ts";
import type { Transactions } from "../transaction/transactions.ts";
import type { ControlChannel } from "./control-channel.ts";
import type { Model } from "./model.ts";

export interface ReloadScope {
  /** Only this transaction's tasks are changed; others keep their definitions until the next change. Default: all. */
  transaction?: string | undefined;
}

export interface Reloads {
  /** What would be done. */
  plan(next: ContextConfig, scope?: ReloadScope): Promise<ReloadPlan>;
  /**
   * Does it, after all that were asked for before. Resolves when each task that was to start runs or has failed, and each
   * that was to end is gone; what has become of each is its `outcome`.
   *
   * @param read - Gives the model, when it is its turn; what it throws changes nothing.
   * @throws {ZcontextError} `ERR_ROLLED_BACK` where a replacement has failed, and what the preparation of code throws: then
   *   nothing was changed. `ERR_PROVIDER_LEAVING`.
   */
  apply(read: () => Promise<ContextConfig>, scope?: ReloadScope): Promise<ReloadPlan>;
  /** Resolves when the code has changed that the last change has tried in vain; rejects when it is aborted. */
  untilWorthAnotherTry(signal: AbortSignal): Promise<void>;
  /** No further changes; what is on trial is given up. */
  leave(): void;
}

export interface ReloadOptions {
  model: Model;
  transactions: Transactions;
  /** The context file. */
  file: string;
  services: Pick<Services, "own" | "prepare" | "codeChanged">;
  channel: Pick<ControlChannel, "listen">;
  journal: Pick<Journal, "write">;
  log: Log;
  /** Another model holds. */
  onReplaced(): void;
}

/** Why another run of each task would be another one, by transaction and task. */
type Drifts = ReadonlyMap<Transaction, ReadonlyMap<string, readonly string[]>>;

/** What is to be done in one transaction. */
interface Part extends TransactionPlan {
  transaction: Transaction;
}

export function createReloads({ model, transactions, file, services, channel, ...options }: ReloadOptions): Reloads {
  const { journal, log, onReplaced } = options;
  const folder = dirname(resolve(file));
  let last: Promise<unknown> = Promise.resolve();
  let isLeaving = false;
  /** The tasks whose code the last change has prepared. */
  let prepared: TaskServiceConfig[] = [];

  const inScope = ({ transaction: only }: ReloadScope) =>
    transactions
      .running()
      .filter((id) => only === undefined || id === only)
      .flatMap((id) => transactions.find(id) ?? []);

  async function findDrifts(scope: ReloadScope): Promise<Drifts> {
    const found = inScope(scope).map(async (transaction) => {
      const own = [...transaction.tasks].map(async ({ task, drift }) => [task.id, await drift()] as const);
      return [transaction, new Map(await Promise.all(own))] as const;
    });
    return new Map(await Promise.all(found));
  }

  /** As the tasks stand now. */
  function partsNow(next: ContextConfig, scope: ReloadScope, drifts: Drifts): Part[] {
    const files = { old: model.config, next, folder };
    return inScope(scope).map((transaction) => {
      const driftOf = (id: string) => drifts.get(transaction)?.get(id) ?? [];
      const present = [...transaction.view.values()].map((one) => ({ ...one, drift: driftOf(one.task.id) }));
      return { transaction, ...planTransaction(present, transactions.isWhole(transaction.id), files) };
    });
  }

  function describe(next: ContextConfig, parts: readonly Part[]): ReloadPlan {
    const shown = parts.flatMap(({ transaction: { id }, tasks }) => tasks.map((one) => ({ transaction: id, ...one })));
    const isShown = (task: string) => shown.some((one) => one.task === task);
    const ofFile = planFile({ old: model.config, next, folder })
      .filter(({ task, change }) => !isShown(task) && (parts.length === 0 || change !== "same"))
      .map((one) => ({ transaction: "", ...one }));
    const leftOut = parts.filter((part) => part.leftOut.length > 0);
    return {
      generation: model.generation,
      tasks: [...shown, ...ofFile],
      context: contextChanges(model.config, next),
      notes: leftOut.map(
        ({ transaction: { id }, leftOut: tasks }) =>
          `${tasks.join(", ")} of the file: not started in ${id}, which was started with some tasks of the file only`,
      ),
    };
  }

  /** What may be loaded and run while both models are in use. */
  function ownBoth(next: ContextConfig): void {
    services.own([...next.tasks, ...model.config.tasks, ...presentTasks()]);
  }

  const presentTasks = () =>
    transactions.running().flatMap((id) => [...(transactions.find(id)?.tasks ?? [])].map(({ task }) => task));

  /** Whatever keeps a task from being started is found before anything is stopped for it. */
  async function prepare(parts: readonly Part[], next: ContextConfig): Promise<void> {
    const toStart = parts.flatMap(({ tasks }) =>
      tasks.filter(({ change }) => change === "added" || change === "restart" || change === "rolling"),
    );
    const ids = new Set(toStart.map(({ task }) => task));
    const { createStartTrials } = await import("../../launch/start-trial.ts");
    const trials = createStartTrials(file, new AbortController().signal);
    prepared = [];
    for (const task of next.tasks.filter(({ id }) => ids.has(id))) {
      prepared.push(task);
      const environment = await readEnvironment(task.supervision, folder);
      await trials.tryStart({ task, environment, path: await services.prepare(task, environment) });
    }
  }

  const causeOf = (generation: number): Cause => ({ kind: "reload", generation });

  /**
   * Resolves once every replacement has been ready for long enough; else none is left.
   *
   * @returns the ids, by transaction.
   */
  async function tryReplacements(
    parts: readonly Part[],
    next: ContextConfig,
  ): Promise<ReadonlyMap<Transaction, ReadonlySet<string>>> {
    const cause = causeOf(model.generation + 1);
    const tried = new Map(
      parts.map(({ transaction, tasks }) => [transaction, new Set(idsOf(tasks, "rolling"))] as const),
    );
    const trials = [...tried].flatMap(([transaction, ids]) =>
      [...ids].map(async (id) => {
        const fault = await transaction.reload.tryOut(taskOf(next, id), cause);
        // One is enough: the others are not waited for.
        if (fault !== undefined) giveUp(tried.keys(), cause);
        return { transaction, id, fault };
      }),
    );
    const verdicts = await Promise.all(trials);
    const found = verdicts.map(({ transaction, id, fault }) => ({
      id,
      fault: fault ?? transaction.reload.faultOf(id),
    }));
    const failed = found.filter(({ fault }) => fault !== undefined && fault !== GIVEN_UP);
    if (failed.length === 0 && !isLeaving) return tried;
    giveUp(tried.keys(), cause);
    if (isLeaving) throw leaving();
    const what = failed.map(({ id, fault }) => `${id}: ${fault}`).join("; ");
    throw new ZcontextError("ERR_ROLLED_BACK", `the replacement has failed, and nothing was changed: ${what}`, {
      hint: "The former run goes on. `zcontext logs` has what the replacement has printed.",
    });
  }

  function giveUp(tried: Iterable<Transaction>, cause: Cause): void {
    for (const { reload } of tried) reload.giveUp(GIVEN_UP, cause);
  }

  /** From here on the new model holds, whatever happens. */
  function replace(next: ContextConfig, parts: readonly Part[]): Cause {
    const generation = model.replace(next);
    const touched = parts.flatMap(({ tasks }) => tasks);
    journal.write({
      ...{ kind: "applied", generation },
      transactions: parts.map(({ transaction }) => transaction.id),
      tasks: [...new Set(touched.filter(({ change }) => change !== "removed").map(({ task }) => task))],
      removed: [...new Set(touched.filter(({ change }) => change === "removed").map(({ task }) => task))],
    });
    services.own([...next.tasks, ...presentTasks()]);
    for (const { topic } of next.tasks) channel.listen(topic);
    onReplaced();
    return causeOf(generation);
  }

  async function carryOut(
    part: Part,
    next: ContextConfig,
    how: { cause: Cause; tried: ReadonlySet<string> },
  ): Promise<void> {
    const { transaction, tasks } = part;
    const { cause, tried } = how;
    const orders = ordersOf(part, next, tried).map((order) => ({ ...order, cause }));
    const obey = (some: readonly Order[]) => some.length > 0 && transaction.obey(some);
    const isRestart = ({ action }: Order) => action === "restart";
    const release = transaction.reload.hold();
    try {
      for (const id of tried) transaction.reload.takeOver(taskOf(next, id), cause);
      transaction.reload.redefine(next.tasks);
      obey(orders.filter(isRestart));
      // A task that was renamed may need what its former self still holds.
      await transaction.reload.remove(idsOf(tasks, "removed"), cause);
      obey(orders.filter((order) => !isRestart(order)));
    } finally {
      release();
    }
    const started = new Set(orders.filter(({ action }) => action !== "define").map(({ task }) => task.id));
    for (const id of tried) started.add(id);
    await transactions.until(() => isSettled(transaction, started));
  }

  async function change(read: () => Promise<ContextConfig>, scope: ReloadScope): Promise<ReloadPlan> {
    if (isLeaving) throw leaving();
    const wanted = await read();
    const next = takenOver(model.config, wanted);
    const drifts = await findDrifts(scope);
    const planned = partsNow(next, scope, drifts);
    const shown = describe(wanted, planned);
    const isNews = shown.tasks.some((one) => one.change !== "same") || !isDeepStrictEqual(model.config, next);
    if (!isNews) return shown;
    log.info({ generation: model.generation + 1, tasks: phrasesOf(shown) }, "reload begun");
    const tried = await makeReady(planned, next);
    // While code was prepared and replacements were tried, tasks went on: what is to be done is found anew.
    const parts = partsNow(next, scope, drifts);
    const before = describe(wanted, parts);
    const cause = replace(next, parts);
    const triedIn = ({ transaction }: Part) => tried.get(transaction) ?? new Set<string>();
    await Promise.all(parts.map((part) => carryOut(part, next, { cause, tried: triedIn(part) })));
    const done = outcomeOf({ ...before, generation: model.generation }, parts, triedIn);
    log.info({ generation: model.generation, tasks: phrasesOf(done) }, "reload done");
    return done;
  }

  /** All that may fail and changes nothing if it does. */
  async function makeReady(parts: readonly Part[], next: ContextConfig) {
    try {
      ownBoth(next);
      await prepare(parts, next);
      if (isLeaving) throw leaving();
      return await tryReplacements(parts, next);
    } catch (error) {
      services.own([...model.config.tasks, ...presentTasks()]);
      throw error;
    }
  }

  return {
    async plan(next, scope = {}) {
      const drifts = await findDrifts(scope);
      return describe(next, partsNow(takenOver(model.config, next), scope, drifts));
    },
    apply(read, scope = {}) {
      const applied = Promise.allSettled([last]).then(() => change(read, scope));
      last = applied;
      return applied;
    },
    untilWorthAnotherTry: (signal) => Promise.any(prepared.map((task) => services.codeChanged(task, signal))),
    leave() {
      isLeaving = true;
    },
  };
}

function idsOf(tasks: readonly PlannedTask[], change: PlannedTask["change"]): string[] {
  return tasks.filter((one) => one.change === change).map(({ task }) => task);
}

/** One that was to be replaced by a run beside it, and has none, is restarted; one that has, needs no order. */
function ordersOf({ tasks, orders }: TransactionPlan, next: ContextConfig, tried: ReadonlySet<string>): Order[] {
  const late = idsOf(tasks, "rolling").filter((id) => !tried.has(id));
  return [
    ...late.map((id): Order => ({ task: taskOf(next, id), action: "restart" })),
    ...orders.filter(({ task }) => !tried.has(task.id)),
  ];
}

const GIVEN_UP = "the change was given up";

function leaving(): ZcontextError {
  return new ZcontextError("ERR_PROVIDER_LEAVING", "the provider is leaving");
}

function taskOf({ tasks }: ContextConfig, id: string): TaskServiceConfig {
  const task = tasks.find((one) => one.id === id);
  if (task === undefined) throw new Error(`no task ${id}`);
  return task;
}

/** Why a plan or a change has failed, as it travels. */
export function faultJson(error: unknown): JsonObject {
  const reason = reasonOf(error);
  if (!(error instanceof ZcontextError)) return { code: "ERR_MESSAGE_UNKNOWN", reason };
  const { code, hint, details } = error;
  return { code, reason, ...(details.length > 0 && { details: [...details] }), ...(hint !== undefined && { hint }) };
}

function phrasesOf({ tasks }: ReloadPlan): string[] {
  return tasks.filter(({ change }) => change !== "same").map(({ task, change }) => `${change} ${task}`);
}

/** Whether each task that was to start runs or does not get there by itself, and nothing is left beside the tasks. */
function isSettled({ tasks, processes }: Transaction, started: ReadonlySet<string>): boolean {
  const all = [...tasks];
  const isMoving = ({ standing: { state } }: SupervisedTask) =>
    state === "starting" || (isEnding(state) && state !== "stuck");
  const isUnderWay = (one: SupervisedTask) => isMoving(one) || (one.standing.state === "blocked" && all.some(isMoving));
  const beside = [...processes].filter((one) => !all.includes(one));
  return !all.some((one) => started.has(one.task.id) && isUnderWay(one)) && !beside.some(isMoving);
}

function outcomeOf(plan: ReloadPlan, parts: readonly Part[], triedIn: (part: Part) => ReadonlySet<string>): ReloadPlan {
  const tasks = plan.tasks.map((planned): PlannedChange => {
    const part = parts.find(({ transaction }) => transaction.id === planned.transaction);
    const wasTried = part !== undefined && triedIn(part).has(planned.task);
    if (part === undefined || (planned.change === "same" && !wasTried)) return planned;
    const supervised = [...part.transaction.tasks].find(({ task }) => task.id === planned.task);
    const isToRun = wasTried || planned.change === "rolling" || isStarted(part, planned.task);
    const fault = faultOf(planned, supervised, isToRun);
    const change = wasTried ? "rolling" : planned.change;
    return { ...planned, change, ...(fault === undefined ? { outcome: "success" } : { outcome: "failure", fault }) };
  });
  return { ...plan, tasks };
}

function isStarted({ orders }: TransactionPlan, id: string): boolean {
  return orders.some(({ task, action }) => task.id === id && action !== "define");
}

function faultOf(
  { change }: PlannedTask,
  supervised: SupervisedTask | undefined,
  isToRun: boolean,
): string | undefined {
  if (change === "removed") return supervised === undefined ? undefined : "it can't be ended";
  if (!isToRun || supervised === undefined) return undefined;
  const { standing } = supervised;
  if (standing.state === "running" || standing.state === "exited") return undefined;
  return whyIn(standing) ?? `it is ${standing.state}`;
}
