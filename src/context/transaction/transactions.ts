// The transactions of a provider: opens them, tells log and bus what becomes of them, and forgets them when they are
// over, but for a word about how they ended.
import { constants } from "node:os";
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { withOwnSupervision } from "../../config/meaning.ts";
import { formatTaskService, readTaskServices } from "../../config/task-service.ts";
import { type Deferred, deferred } from "../../deferred.ts";
import { reasonOf } from "../../errors.ts";
import type { InputFaults } from "../../input-faults.ts";
import type { Launcher } from "../../launch/launcher.ts";
import type { Liveness } from "../../liveness.ts";
import type { Log } from "../../log.ts";
import type { Frame } from "../../protocol/codec.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Message } from "../../protocol/message.ts";
import { hasProcess, isAtRest } from "../../protocol/task-state.ts";
import type { Journal } from "../journal/journal.ts";
import type { ResumableTransaction } from "../journal/recall.ts";
import type { TaskRecord } from "../task/record.ts";
import type { Prepared } from "../task/run.ts";
import type { Enter } from "../task/start-limit.ts";
import type { Change, Look, ProbeStarter, SupervisedTask } from "../task/task-contract.ts";
import { nobody, type ProviderObserver } from "./observer.ts";
import { type PendingStop, trackStops } from "./pending-stops.ts";
import * as report from "./report.ts";
import { createStatePublisher, type News } from "./state-publisher.ts";
import { openTransaction, type Transaction, type TransactionObserver } from "./transaction.ts";
import { frameOf, transitionOf } from "./transition.ts";
import { describeMove } from "./transition-log.ts";

/** A transaction and its tasks' records, with the pid of those whose process lives. */
export interface Watched {
  transaction: string;
  tasks: (TaskRecord & { beat?: JsonObject })[];
}

/** How a transaction ended. */
export interface Outcome {
  transaction: string;
  tasks: { id: string; state: string; runs: number; reason?: string }[];
}

export interface TransactionsOptions {
  config: ContextConfig;
  /** Where peers connect, and the four addresses as the bus shows them. */
  endpoints: Endpoints;
  addresses: JsonObject;
  launcher: Launcher;
  enter: Enter;
  liveness: Liveness;
  /** Gets together what a run is launched with; rejects when something is missing. */
  prepare(task: TaskServiceConfig): Promise<Prepared>;
  probe: ProbeStarter;
  journal: Pick<Journal, "write">;
  /** Of the last transition that the journal knows; further ones are counted from there. */
  lastSequence: number;
  /** Of the provider's publisher. */
  incarnation: string;
  nowMs(): number;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
  send(frame: Frame): boolean;
  publishThrough(message: Message): Promise<void>;
  /** Resolves when the bus has brought what was said before, or has had its chance. */
  caughtUp(): Promise<void>;
  inputFaults: InputFaults;
  log: Log;
  /** Default: nobody looks on. */
  observer?: ProviderObserver;
}

export interface Transactions {
  /** The file's, or the one that the first start has brought. */
  contextId: string;
  readonly news: News;
  find(transaction: string): Transaction | undefined;
  /** The transaction, opened if it is not there. */
  open(transaction: string, contextName: string): Transaction;
  /** The ids of those that are open, the oldest first. */
  running(): string[];
  /** Why there is no such transaction, in a clause. */
  whyUnknown(transaction: string): string;
  /** The task that a run, present or past, belongs to. */
  ownerOf(incarnation: string): { supervised: SupervisedTask; transaction: string } | undefined;
  watch(transaction: Transaction): Watched;
  watched(): Watched[];
  /** Ends the transaction as soon as nothing of it runs and nothing can follow but by a new command; resolves then. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Resolves when a transaction that is open is over. */
  whenOver(transaction: string): Promise<Outcome>;
  /** Stops every transaction; resolves when every process is gone, or those that are left can't be ended. */
  stopAll(): Promise<void>;
  /** Task ids whose processes still live. */
  living(): string[];
  /** The tasks that a stop waits for, the longest first. */
  pendingStops(): PendingStop[];
  /** Ends every process at once. */
  kill(): void;
  /** Takes up what an earlier provider has left; answers the ids of the tasks that are to run again. */
  resume(transaction: ResumableTransaction): string[];
  /** What a look at the processes of a task has found. */
  seen(transaction: string, serviceId: string, look: Look): void;
  /** Resolves with the first task without which the context is of no use, and that has ended for good. */
  readonly essentialEnd: Promise<EssentialEnd>;
}

/** A task whose end is the end of the context. */
export interface EssentialEnd {
  transaction: string;
  task: string;
  state: string;
  /** Its exit code; 128 and the signal's number, as shells have it, where a signal has ended it. */
  code: number;
}

/** Ended transactions of which a word is kept. */
const MAX_EPITAPHS = 100;

/** Runs of one task whose incarnations are known; late announcements come from the last few at most. */
const MAX_RUNS = 16;

export function createTransactions(options: TransactionsOptions): Transactions {
  const { config, publish, log, inputFaults, journal, observer = nobody } = options;
  const open = new Map<string, Transaction>();
  /** Runs by the incarnation of their publisher, those that are over included until their transaction is. */
  const runs = new Map<string, { supervised: SupervisedTask; transaction: string }>();
  const epitaphs = new Map<string, string>();
  /** Transactions whose end somebody waits for, and those that are to end once they are quiet. */
  const over = new Map<string, Deferred<Outcome>>();
  const untilQuiet = new Set<string>();
  const endings = trackStops(options.nowMs);
  const essential = deferred<EssentialEnd>();
  /** Resolves when nobody is left but those that can't be ended, and all is to end. */
  const onlyStuck = deferred();
  let isLeaving = false;
  let { contextId } = config;
  let sequence = options.lastSequence;
  const news = createStatePublisher({ contextId: () => contextId, transactions: open, publish });

  function begin(id: string, contextName: string): Transaction {
    const transaction: Transaction = openTransaction(id, contextName, {
      contextId,
      endpoints: options.endpoints,
      configuration: options.addresses,
      logName: config.logName,
      ownTasks: config.tasks,
      strategy: config.strategy,
      launcher: options.launcher,
      enter: options.enter,
      liveness: options.liveness,
      prepare: options.prepare,
      probe: options.probe,
      nowMs: options.nowMs,
      publish,
      publishThrough: options.publishThrough,
      caughtUp: options.caughtUp,
      observer: { ...observe(id), onQuiet: (isOver) => onQuiet(transaction, isOver) },
    });
    open.set(id, transaction);
    epitaphs.delete(id);
    journal.write({ kind: "opened", transaction: id, contextName });
    return transaction;
  }

  function move(transaction: string, supervised: SupervisedTask, change: Change): void {
    sequence += 1;
    const moment = { monotonicMs: options.nowMs(), time: new Date().toISOString() };
    endings.moved(supervised, change);
    const moved = transitionOf(supervised, change, { transaction, sequence, moment });
    journal.write(moved);
    options.send(frameOf(moved, { contextId, incarnation: options.incarnation }, supervised));
    observer.moved({ ...moved, reason: supervised.record.reason });
  }

  function checkStuck(): void {
    if (!isLeaving) return;
    const states = [...open.values()].flatMap(({ tasks }) => [...tasks].map(({ standing }) => standing.state));
    if (states.includes("stuck") && states.every((state) => state === "stuck" || isAtRest(state))) onlyStuck.resolve();
  }

  /** The definition, where another provider would not find it in its file. */
  function bodyOf(task: TaskServiceConfig): { body?: JsonObject } {
    if (config.tasks.includes(task)) return {};
    return { body: { ...formatTaskService(task, { action: "start" }) } as unknown as JsonObject };
  }

  function definitionOf({ id, body }: ResumableTransaction["tasks"][number]): TaskServiceConfig | undefined {
    if (body === undefined) return config.tasks.find((task) => task.id === id);
    const [task] = readTaskServices({ TaskService: body });
    return task && withOwnSupervision(task, { ...config, ownTasks: config.tasks });
  }

  // One that has ended already may have a namesake by now.
  function onQuiet(transaction: Transaction, isOver: boolean): void {
    if (open.get(transaction.id) !== transaction) return;
    if (isOver) end(transaction.id);
    else if (untilQuiet.has(transaction.id)) transaction.stop();
  }

  function observe(transaction: string): Omit<TransactionObserver, "onQuiet"> {
    const fieldsOf = ({ task }: SupervisedTask) => ({ task: task.id, transaction });
    // Nobody starts it again but a trigger, or a command.
    const warnOfDependents = (failed: string) => {
      for (const other of open.get(transaction)?.tasks ?? [])
        if (other.standing.state === "blocked" && other.task.supervision.dependsOn.includes(failed))
          log.warn({ ...fieldsOf(other), reason: `${failed} has failed` }, "waits in vain");
    };
    return {
      onRun(supervised, incarnation) {
        runs.set(incarnation, { supervised, transaction });
        const own = [...runs].filter(([, run]) => run.supervised === supervised);
        if (own.length > MAX_RUNS) runs.delete(own[0]?.[0] ?? "");
      },
      onDefined: ({ task }) => journal.write({ kind: "defined", transaction, task: task.id, ...bodyOf(task) }),
      onMoved(supervised, change) {
        move(transaction, supervised, change);
        checkStuck();
        const { level, fields, phrase } = describeMove(supervised, change);
        log[level]({ ...fieldsOf(supervised), ...fields }, phrase);
        if (supervised.standing.state === "failed") warnOfDependents(supervised.task.id);
      },
      onChanged() {
        news.changed(transaction);
        observer.changed();
      },
      onTriggered(supervised, event, { action, ...to }) {
        const { serviceIds = [], unknown = [] } = to as { serviceIds?: string[]; unknown?: string[] };
        const reason = event === "on_fail" ? { reason: supervised.standing.life.reason } : {};
        log.info({ ...fieldsOf(supervised), action, call: serviceIds, ...reason }, `trigger ${event}`);
        observer.triggered({ ...fieldsOf(supervised), event, action, call: serviceIds });
        if (unknown.length > 0)
          log.warn({ ...fieldsOf(supervised), event, unknown }, "trigger calls tasks that do not exist");
      },
      onSlowed(supervised) {
        const slowed = report.throttled({ contextId, transaction }, supervised.task.id);
        log.warn({ ...fieldsOf(supervised), reason: slowed.status.reason }, "triggers run away");
        publish(slowed);
      },
      onRefused(supervised, reason) {
        const given = report.notRestarted({ contextId, transaction }, supervised.task.id, reason);
        log.warn({ ...fieldsOf(supervised), reason }, "not restarted");
        publish(given);
      },
      onForgiven: (supervised, ends) => log.info({ ...fieldsOf(supervised), ends }, "restart count cleared by a start"),
      onEssentialEnd(supervised) {
        const { state } = supervised.standing;
        const code = exitCodeOf(supervised);
        log.warn({ ...fieldsOf(supervised), state, code }, "essential task has ended, leaving with its code");
        essential.resolve({ transaction, task: supervised.task.id, state, code });
      },
      onOutput(supervised, stream, line) {
        log.info({ ...fieldsOf(supervised), stream, line }, "output");
        observer.output({ ...fieldsOf(supervised), stream, line });
      },
      onGarbage: (supervised, { message }) =>
        inputFaults.add("malformed line", { ...fieldsOf(supervised), reason: message }),
      onIncident: (supervised, effect, error) =>
        log.error({ ...fieldsOf(supervised), effect, reason: reasonOf(error) }, "effect failed"),
    };
  }

  function end(id: string): void {
    const transaction = open.get(id);
    if (transaction === undefined) return;
    news.last(id);
    publish(report.ended({ contextId, transaction: id }));
    open.delete(id);
    journal.write({ kind: "ended", transaction: id });
    for (const [incarnation, run] of runs) if (run.transaction === id) runs.delete(incarnation);
    const outcome = outcomeOf(transaction);
    remember(outcome);
    log.info({ transaction: id, tasks: outcome.tasks.map((task) => `${task.id} ${task.state}`) }, "transaction ended");
    untilQuiet.delete(id);
    over.get(id)?.resolve(outcome);
    over.delete(id);
    observer.changed();
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
    set contextId(id) {
      contextId = id;
    },
    news,
    find: (id) => open.get(id),
    open: (id, contextName) => open.get(id) ?? begin(id, contextName),
    running: () => [...open.keys()],
    whyUnknown: (id) => epitaphs.get(id) ?? `is unknown; running: ${[...open.keys()].join(", ") || "none"}`,
    ownerOf: (incarnation) => runs.get(incarnation),
    watch,
    watched: () => [...open.values()].map(watch),
    untilDone(transaction) {
      untilQuiet.add(transaction);
      return whenOver(transaction);
    },
    whenOver,
    async stopAll() {
      const ends = [...open.keys()].map(whenOver);
      isLeaving = true;
      for (const transaction of open.values()) transaction.stop();
      checkStuck();
      await Promise.race([Promise.all(ends), onlyStuck.promise]);
    },
    living: () => [...open.values()].flatMap(({ tasks }) => [...tasks].filter(isLiving).map(({ task }) => task.id)),
    pendingStops: () => endings.pendingStops(open.values()),
    resume({ id, contextName, tasks }) {
      const transaction = begin(id, contextName);
      const found = tasks.flatMap((known) => {
        const task = definitionOf(known);
        if (task === undefined) log.warn({ transaction: id, task: known.id }, "not resumed: no longer in the file");
        return task === undefined ? [] : [{ known, task }];
      });
      for (const { known, task } of found)
        transaction.resume(task, { state: known.state, runs: known.runs, ends: known.exits });
      const wanted = found.filter(({ known }) => known.isWanted);
      transaction.obey(wanted.map(({ task }) => ({ task, action: "resume" })));
      // It was being stopped, and nothing of it is left.
      if ([...transaction.tasks].every(({ standing: { state } }) => isAtRest(state) && state !== "defined")) end(id);
      return wanted.map(({ task }) => task.id);
    },
    seen: (transaction, serviceId, look) => open.get(transaction)?.seen(serviceId, look),
    essentialEnd: essential.promise,
    kill() {
      endings.killed();
      for (const { tasks } of open.values()) for (const supervised of tasks) supervised.kill();
    },
  };
}

function outcomeOf({ id, tasks }: Transaction): Outcome {
  return {
    transaction: id,
    tasks: [...tasks].map(({ task, standing }) => ({
      id: task.id,
      state: standing.state,
      runs: standing.life.run,
      ...(standing.state === "failed" && standing.life.reason !== undefined ? { reason: standing.life.reason } : {}),
    })),
  };
}

// Who has failed in spite of a 0, such as one that never got ready, has not ended well.
function exitCodeOf({ lastExit, standing }: SupervisedTask): number {
  const { code, signal } = lastExit ?? { code: 0, signal: null };
  const told = code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
  return told === 0 && standing.state === "failed" ? 1 : told;
}

function watch({ id, tasks }: Transaction): Watched {
  const withBeat = (one: SupervisedTask) => ({ ...liveRecord(one), ...(one.beat && { beat: { ...one.beat } }) });
  return { transaction: id, tasks: [...tasks].map(withBeat) };
}

function isLiving({ standing }: SupervisedTask): boolean {
  return hasProcess(standing.state);
}

// The pid of a process that has ended may be somebody else's by now.
function liveRecord(supervised: SupervisedTask): TaskRecord {
  return isLiving(supervised) ? supervised.record : { ...supervised.record, pid: null };
}
