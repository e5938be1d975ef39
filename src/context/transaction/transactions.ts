// The transactions of a provider: opens them, takes up those of an earlier provider, and forgets them when they are over,
// but for a word about how they ended.
import type { ContextConfig } from "../../config/context-config.ts";
import { type Deferred, deferred } from "../../deferred.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { StreamFigures } from "../../protocol/stream-figures.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { isAtRest, type TaskState } from "../../protocol/task-state.ts";
import type { EndedTransaction, ResumableTask, ResumableTransaction } from "../journal/recall.ts";
import type { Past } from "../task/life.ts";
import { whyIn } from "../task/record.ts";
import type { ProcessesFound, SupervisedTask, TaskHost } from "../task/task-contract.ts";
import { createIncarnations, type Owner } from "./incarnations.ts";
import type { ProviderObserver } from "./observer.ts";
import type { Outcome } from "./outcome.ts";
import { createPastTransactions, type Ended, liveRecord } from "./past-transactions.ts";
import * as report from "./report.ts";
import { createReporter, exitCodeOf, type ReporterOptions } from "./reporter.ts";
import { planResume } from "./resume-plan.ts";
import { createSchedules, type SchedulesOptions } from "./schedules.ts";
import { createShutdown, type Shutdown } from "./shutdown.ts";
import { createStatePublisher, type StatePublisher } from "./state-publisher.ts";
import { isScheduled, openTransaction, type Transaction, type TransactionEvent } from "./transaction.ts";
import { createWaits } from "./waits.ts";

/** A transaction and its tasks' records, with the pid of those whose process lives. */
export interface Watched {
  transaction: string;
  tasks: (TaskRecord & { beat?: JsonObject; memoryMaxMib?: number; streams?: readonly StreamFigures[] })[];
}

export interface TransactionsOptions extends Omit<ReporterOptions, "host" | "ownTasks" | "observer"> {
  host: TaskHost;
  /** The provider's own file as it holds now. */
  config(): ContextConfig;
  /** The four addresses as `context_info` shows them. */
  addresses: JsonObject;
  /** Default: none. */
  observer?: ProviderObserver;
  scheduleMemory: SchedulesOptions["memory"];
}

export interface Transactions extends Omit<Shutdown, "moved"> {
  readonly statePublisher: StatePublisher;
  find(transaction: string): Transaction | undefined;
  /** The transaction, opened if it is not there. */
  open(transaction: string, contextName: string): Transaction;
  /** The ids of those that are open, the oldest first. */
  running(): string[];
  /** Why there is no such transaction, in a clause. */
  whyUnknown(transaction: string): string;
  /** The task that a run, present or past, belongs to. */
  ownerOf(incarnation: string): Owner | undefined;
  watch(transaction: Transaction): Watched;
  watched(): Watched[];
  /** Those that are over, the oldest first, until another begins. Another array after every change. */
  ended(): readonly Ended[];
  /** Ends the transaction as soon as nothing of it runs and nothing can follow but by a new command; resolves then. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Resolves when a transaction that is open is over. */
  whenOver(transaction: string): Promise<Outcome>;
  /** Whether it has had every task of the file. */
  isWhole(transaction: string): boolean;
  /** Resolves when this is so; looks again whenever a task has moved, or a transaction is over. */
  until(isSo: () => boolean): Promise<void>;
  /** Takes up what an earlier provider has left; answers the ids of the tasks that are to run again. */
  resume(transaction: ResumableTransaction): string[];
  /** Shows again, until another begins, what was over when an earlier provider died. For after `resume`. */
  recall(ended: readonly EndedTransaction[]): void;
  /** What the monitor has found about the processes of a task. */
  inspect(transaction: string, serviceId: string, processes: ProcessesFound): void;
  /** Resolves with the first task without which the context is of no use, and that has ended for good. */
  readonly essentialEnd: Promise<EssentialEnd>;
}

/** A task whose end is the end of the context. */
export interface EssentialEnd {
  transaction: string;
  task: string;
  state: TaskState;
  /** Its exit code; 128 and the signal's number, as shells have it, where a signal has ended it. */
  code: number;
}

export function createTransactions(options: TransactionsOptions): Transactions {
  const { host, config, addresses, journal, log, observer = () => {} } = options;
  const open = new Map<string, Transaction>();
  const incarnations = createIncarnations();
  const past = createPastTransactions();
  /** Transactions whose end is waited for, and those that are to end once they are quiet. */
  const over = new Map<string, Deferred<Outcome>>();
  const untilQuiet = new Set<string>();
  /** Those that have had every task of the file. */
  const whole = new Set<string>();
  const essential = deferred<EssentialEnd>();
  const waits = createWaits();
  const tell = createReporter({ ...options, ownTasks: () => config().tasks, observer });
  const statePublisher = createStatePublisher({ ...host, transactions: open });
  const schedules = createSchedules({
    memory: options.scheduleMemory,
    wallMs: Date.now,
    tell: (transaction, task, note) => tell(transaction, task, { type: "noted", ...note }),
  });
  const { moved, ...shutdown } = createShutdown({ open, whenOver, nowMs: host.nowMs });

  function begin(id: string, contextName: string): Transaction {
    const transaction: Transaction = openTransaction(id, contextName, {
      host,
      config,
      addresses,
      observe: (task, event) => observe(transaction, task, event),
      onQuiet: (isOver) => onQuiet(transaction, isOver),
    });
    open.set(id, transaction);
    past.another(id);
    journal.write({ kind: "opened", transaction: id, contextName });
    return transaction;
  }

  function observe(transaction: Transaction, task: SupervisedTask, event: TransactionEvent): void {
    if (event.type === "defined") noteWhole(transaction);
    if (event.type === "runBegan") incarnations.add(event.incarnation, { transaction: transaction.id, task });
    if (event.type === "moved") moved(task, event.change);
    if (event.type === "changed") statePublisher.changed(transaction.id);
    if (event.type === "changed" || event.type === "trial") waits.look();
    tell(transaction, task, event);
    if (event.type === "changed" || event.type === "defined") schedules.look(transaction, task);
    if (event.type !== "essentialEnd") return;
    const { state } = task.standing;
    essential.resolve({ transaction: transaction.id, task: task.task.id, state, code: exitCodeOf(task) });
  }

  // Told again at each definition: what a command brings may come in any order.
  function noteWhole({ id, record, tasks }: Transaction): void {
    const present = new Set([...tasks].map(({ task }) => task.id));
    if (whole.has(id) || !config().tasks.every((task) => present.has(task.id))) return;
    whole.add(id);
    journal.write({ kind: "opened", transaction: id, contextName: record.contextName, isWhole: true });
  }

  // One that has ended already may have a namesake by now.
  function onQuiet(transaction: Transaction, isOver: boolean): void {
    if (open.get(transaction.id) !== transaction) return;
    if (isOver) end(transaction);
    else if (untilQuiet.has(transaction.id)) transaction.stop();
  }

  function end(transaction: Transaction): void {
    const { id } = transaction;
    statePublisher.last(id);
    host.publish(report.ended({ contextId: host.contextId(), transaction: id }));
    open.delete(id);
    whole.delete(id);
    const [time, isAsked] = [new Date().toISOString(), transaction.isAskedToEnd];
    journal.write({ kind: "ended", transaction: id, time, isAsked });
    incarnations.forget(id);
    schedules.forget(transaction);
    const outcome = past.add({ transaction, time, isAsked });
    log.info({ transaction: id, tasks: outcome.tasks.map((task) => `${task.id} ${task.state}`) }, "transaction ended");
    untilQuiet.delete(id);
    over.get(id)?.resolve(outcome);
    over.delete(id);
    observer({ type: "changed" });
    waits.look();
  }

  function whenOver(id: string): Promise<Outcome> {
    const end = over.get(id) ?? deferred<Outcome>();
    over.set(id, end);
    return end.promise;
  }

  function whyUnknown(id: string): string {
    return past.describe(id) ?? `is unknown; running: ${[...open.keys()].join(", ") || "none"}`;
  }

  function resume(before: ResumableTransaction): string[] {
    const { id } = before;
    const plan = planResume(before, config());
    const transaction = begin(id, before.contextName);
    for (const { level, tasks, phrase } of plan.remarks)
      log[level]({ transaction: id, ...(tasks.length === 1 ? { task: tasks[0] } : { tasks }) }, phrase);
    for (const { known, task } of plan.tasks) transaction.resume(task, pastOf(known));
    tellLastEnds(id, before.tasks);
    transaction.obey(plan.again.map((task) => ({ task, action: "resume" })));
    transaction.obey(plan.added);
    // It was being stopped, and nothing of it is left.
    const isPast = (one: SupervisedTask) => isAtRest(one.standing.state) && one.standing.state !== "defined";
    if ([...transaction.tasks].every((one) => isPast(one) && !isScheduled(one))) end(transaction);
    return plan.again.map((task) => task.id);
  }

  function recall(before: readonly EndedTransaction[]): void {
    const recalled = before.map((one) => {
      const { id, contextName, time, isAsked } = one;
      // Of its own: nothing of it is to be told again.
      const transaction = openTransaction(id, contextName, {
        ...{ host, config, addresses },
        observe: () => {},
        onQuiet: () => {},
      });
      for (const { known, task } of planResume(one, config()).tasks) transaction.resume(task, pastOf(known));
      tellLastEnds(id, one.tasks);
      const tasks = [...transaction.tasks].map(describeEnd);
      log.info({ transaction: id, ended: time, tasks }, "ended under an earlier provider");
      return { transaction, time, isAsked };
    });
    past.recall(recalled);
  }

  function tellLastEnds(transaction: string, tasks: readonly ResumableTask[]): void {
    for (const { id: task, runs: run, exitTime: time, code, signal } of tasks)
      if (time !== undefined) observer({ type: "recalled", transaction, task, run, lastEnd: { time, code, signal } });
  }

  return {
    ...shutdown,
    statePublisher,
    find: (id) => open.get(id),
    open: (id, contextName) => open.get(id) ?? begin(id, contextName),
    running: () => [...open.keys()],
    whyUnknown,
    ownerOf: incarnations.ownerOf,
    watch,
    watched: () => [...open.values()].map(watch),
    ended: past.shown,
    untilDone(transaction) {
      untilQuiet.add(transaction);
      return whenOver(transaction);
    },
    whenOver,
    isWhole: (id) => whole.has(id),
    until: waits.until,
    resume,
    recall,
    inspect: (transaction, serviceId, processes) => open.get(transaction)?.inspect(serviceId, processes),
    essentialEnd: essential.promise,
  };
}

function pastOf(known: ResumableTask): Past {
  return { ...known, ends: known.exits };
}

function describeEnd({ task, standing }: SupervisedTask): string {
  const why = whyIn(standing);
  return `${task.id} ${standing.state}${why === undefined ? "" : `: ${why}`}`;
}

function watch({ id, tasks }: Transaction): Watched {
  const watched = (one: SupervisedTask) => {
    const { task, streams } = one;
    const { memoryMaxMib } = task.supervision;
    const beat = one.beat && { beat: { ...one.beat } };
    return {
      ...liveRecord(one),
      ...beat,
      ...(memoryMaxMib !== undefined && { memoryMaxMib }),
      ...(streams.length > 0 && { streams }),
    };
  };
  return { transaction: id, tasks: [...tasks].map(watched) };
}
