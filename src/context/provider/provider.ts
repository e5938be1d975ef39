// The long-lived process of one context file: opens what it holds, puts it together, and closes it in reverse once every
// process is gone.
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { BusHost } from "../../companions/bus-process.ts";
import type { ContextConfig } from "../../config/context-config.ts";
import { keptOf } from "../../config/kept.ts";
import type { ReloadPlan } from "../../config/planned-change.ts";
import { deferred } from "../../deferred.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { createLauncher } from "../../launch/launcher.ts";
import { createPreparation } from "../../launch/preparation.ts";
import { type Log, type LogFields, silent } from "../../log.ts";
import type { BusPlace } from "../../protocol/bus-address.ts";
import type { BusState } from "../../protocol/bus-figures.ts";
import type { Frame } from "../../protocol/codec.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { TopOptions } from "../../protocol/query.ts";
import { shortageHint } from "../../shortage.ts";
import { unfailing } from "../../unfailing.ts";
import { openScheduleMemory } from "../journal/schedule-file.ts";
import { createStartLimit } from "../task/start-limit.ts";
import type { ProcessesFound, TaskHost } from "../task/task-contract.ts";
import type { ProviderObserver } from "../transaction/observer.ts";
import type { Outcome } from "../transaction/outcome.ts";
import type { Ended } from "../transaction/past-transactions.ts";
import { type PendingStop, withProcesses } from "../transaction/pending-stops.ts";
import { left } from "../transaction/report.ts";
import { createTransactions, type EssentialEnd, type Transactions, type Watched } from "../transaction/transactions.ts";
import { createClosingStack } from "./closing-stack.ts";
import { createController } from "./controller.ts";
import type { Identity } from "./identity.ts";
import { createModel } from "./model.ts";
import { forget, resume } from "./predecessor.ts";
import { createPublications } from "./publications.ts";
import { createReloads, type ReloadScope } from "./reload.ts";
import { openResources, type Resources } from "./resources.ts";
import { serviceStates } from "./service-states.ts";
import { createTaskPrograms } from "./task-programs.ts";

/** Watches the processes of transactions and answers `top`; see `startMonitor` of the monitor. */
export interface ProcessWatch extends AsyncDisposable {
  top(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
  entries(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
}

export interface ProviderOptions {
  config: ContextConfig;
  /** The context file: names the provider on this machine, and its folder is where relative locations start. */
  file: string;
  /** Reads the model again, for a reload; what it throws changes nothing. Without it only `apply` with a model reloads. */
  read?(): Promise<ContextConfig>;
  /** Opens the watch over the processes; `inspect` is told what it has found of each task. */
  watch(source: {
    watched(): Watched[];
    publish(frame: Frame): boolean;
    inspect(transaction: string, serviceId: string, processes: ProcessesFound): void;
    contextId(): string;
    forwarderPid(): number | undefined;
    broker(): Pick<BusHost, "pid" | "state"> | undefined;
  }): ProcessWatch;
  /** Holds the compiled services and the journal. Default `.zcontext` beside the file. */
  stateDir?: string;
  /** Further folders that services may be loaded from. */
  servicesRoots?: readonly string[];
  /** Whether to take up what an earlier provider of the file was running when it died. Default true. */
  resume?: boolean;
  log?: Log;
  /** Is told what happens to the tasks. */
  observer?: ProviderObserver;
}

/** How long processes that were sent SIGKILL, and what still holds their output, are waited for at the end, in milliseconds. */
const KILLED_MS = 1_500;
/** How long the last message may take when the forwarder is away, in milliseconds. */
const LAST_WORD_MS = 1_000;

export interface Provider extends AsyncDisposable {
  readonly pid: number;
  readonly contextId: string;
  /** Where peers connect; ports chosen by the system are filled in. */
  readonly endpoints: Endpoints;
  readonly forwarderPid: number;
  /** Of the messages between services; undefined while nobody has needed a broker. */
  readonly bus: BusState | undefined;
  /** Where programs connect; undefined where there is no place for the socket of a broker. */
  readonly busPlace: BusPlace | undefined;
  /** How often each kind of unusable input came. */
  readonly inputFaults: { readonly [kind: string]: number };
  /** Transactions that an earlier provider was running when it died, and that go on. */
  readonly resumed: readonly string[];
  /** Resolves with the first task without which the context is of no use, and that has ended for good. */
  readonly essentialEnd: Promise<EssentialEnd>;
  /** The model that holds, and the count of those that the context has had. */
  readonly config: ContextConfig;
  readonly generation: number;
  /** What `apply` would do now. The model is that of `read`, unless another one is given. */
  plan(read?: () => Promise<ContextConfig>, scope?: ReloadScope): Promise<ReloadPlan>;
  /**
   * Has another model take hold, after all changes that were asked for before: starts, restarts, replaces and stops tasks.
   * A task with `rolling` is replaced only once its new run has been ready for `min_healthy_s`. Resolves when all is done;
   * each task's `outcome` says how.
   *
   * @throws {ZcontextError} as the preparation of code does, or `ERR_ROLLED_BACK`: nothing was changed then.
   */
  apply(read?: () => Promise<ContextConfig>, scope?: ReloadScope): Promise<ReloadPlan>;
  /** Resolves when code has changed that the last `apply` has tried in vain; rejects when it is aborted. */
  untilWorthAnotherTry(signal: AbortSignal): Promise<void>;
  /** Starts the file's tasks under this transaction. */
  start(transaction: string): void;
  /** Resolves once nothing of the transaction runs any more, and it is stopped and forgotten. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Resolves when a message has asked the provider to leave. */
  readonly asked: Promise<void>;
  /** The transactions that are open, and their tasks' records. */
  watched(): Watched[];
  /** The last of those that are over, until another begins. Another array after every change. */
  ended(): readonly Ended[];
  /** Task ids whose processes still live. */
  living(): string[];
  /** The tasks that a stop has waited for longest, so many at most, and what each still has of processes. */
  pendingStops(most: number): Promise<(PendingStop & { pids: number[] })[]>;
  /** Ends every task's process at once, when `close` would take too long. */
  kill(): void;
  /** Stops all tasks, waits for their processes, then closes the forwarder. */
  close(): Promise<void>;
}

/**
 * Starts the provider of a context file. Resolves when it takes commands.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING`, `ERR_ENDPOINT_IN_USE`, `ERR_ENDPOINT_PUBLIC`, `ERR_FORWARDER_FAILED` or
 * `ERR_SYSTEM_SHORT`.
 */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { config, file, stateDir, servicesRoots, read = cannotRead } = options;
  const log = sheltered(options.log ?? silent);
  const inform = unfailing(options.observer ?? (() => {}), (error) =>
    log.error({ reason: reasonOf(error) }, "observer failed"),
  );
  let tellBus = () => {};
  const observer: ProviderObserver = (event) => {
    inform(event);
    if (event.type === "moved" || event.type === "changed") tellBus();
  };
  const opened = createClosingStack();
  try {
    const resources = await openResources({ config, file, stateDir, servicesRoots, log, observer, nowMs }, opened);
    const { channel, journal, before, forwarder, bus, endpoints, inputFaults, services } = resources;
    const identity: Identity = { contextId: config.contextId };
    const model = createModel(config, before.generation);
    const transactions = createTransactions({
      ...{ config: () => model.config, journal, inputFaults, log, observer },
      host: hostOf(resources, { identity, log }),
      addresses: resources.addresses,
      scheduleMemory: opened.add(openScheduleMemory(resources.stateFiles, log)),
      lastSequence: before.lastSequence,
      incarnation: channel.incarnation,
      send: channel.send,
    });
    tellBus = () => bus?.tell(serviceStates(transactions.watched()));
    const watch = opened.add(
      options.watch({
        watched: transactions.watched,
        publish: channel.send,
        inspect: transactions.inspect,
        contextId: () => identity.contextId,
        forwarderPid: () => forwarder.pid,
        broker: () => bus,
      }),
    );
    const publications = opened.add(
      createPublications({
        entries(id, wanted) {
          const transaction = transactions.find(id);
          return transaction && watch.entries(transactions.watch(transaction), wanted);
        },
        whenOver: transactions.whenOver,
        forwarder: forwarder.bound,
        log,
      }),
    );
    const reloads = createReloads({
      ...{ model, transactions, file, services, channel, journal, log },
      onReplaced() {
        tellPresence();
        observer({ type: "reloaded", config: model.config, generation: model.generation });
      },
    });
    const asked = deferred();
    const controller = createController({
      ...{ identity, transactions, channel, publications, inputFaults, log },
      fileClaim: resources.presence.claim,
      config: () => model.config,
      mayLoad: services.mayLoad,
      plan: async (scope) => reloads.plan(await read(), scope),
      apply: (scope) => reloads.apply(read, scope),
      top: watch.top,
      onLeave: asked.resolve,
    });
    const resumed = options.resume === false ? forget(before, journal, log) : resume(before, transactions, log);
    channel.receive(controller.receive);
    tellPresence();

    function tellPresence(): void {
      const { contextId, tasks, strategy } = model.config;
      resources.presence.update({
        ...{ pid: process.pid, contextId, endpoints, bus: bus?.place },
        tasks: tasks.map(keptOf),
        strategy,
        state: { ...resources.stateFiles },
      });
    }

    let closing: Promise<void> | undefined;
    async function leave(): Promise<void> {
      controller.leave();
      reloads.leave();
      await stopAll(transactions, log);
      journal.write({ kind: "left" });
      // The forwarder ends with us: what is published last must have passed it.
      await channel.publishThrough(left(identity.contextId), LAST_WORD_MS);
      await opened.close();
    }
    const close = () => (closing ??= leave());
    return {
      pid: process.pid,
      get contextId() {
        return identity.contextId;
      },
      endpoints,
      get forwarderPid() {
        return forwarder.pid;
      },
      get bus() {
        return bus?.state;
      },
      busPlace: bus?.place,
      inputFaults: inputFaults.counts,
      asked: asked.promise,
      resumed,
      essentialEnd: transactions.essentialEnd,
      get config() {
        return model.config;
      },
      get generation() {
        return model.generation;
      },
      plan: async (again = read, scope) => reloads.plan(await again(), scope),
      apply: (again = read, scope) => reloads.apply(again, scope),
      untilWorthAnotherTry: reloads.untilWorthAnotherTry,
      start: controller.start,
      untilDone: transactions.untilDone,
      watched: transactions.watched,
      ended: transactions.ended,
      living: transactions.living,
      pendingStops: (most) => withProcesses(transactions.pendingStops().slice(0, most), resources.table),
      kill: transactions.kill,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    // What can't be closed must not hide why.
    await opened.close().catch(() => {});
    throw error instanceof ZcontextError ? error : (tooShort(file, error) ?? error);
  }
}

async function cannotRead(): Promise<never> {
  throw new ZcontextError("ERR_CONFIG_UNREADABLE", "this provider was given its model by a program, not by a file", {
    hint: "That program changes it.",
  });
}

/** What every task needs from this provider. */
function hostOf(
  { folder, stateFiles, endpoints, liveness, channel, services, configurations, ownership }: Resources,
  { identity, log }: { identity: Identity; log: Log },
): TaskHost {
  return {
    contextId: () => identity.contextId,
    endpoints,
    launcher: createLauncher({ folder, stateFiles, ownership }),
    acquireStart: createStartLimit(2 * availableParallelism()),
    liveness,
    prepare: createPreparation({ folder, services, configurations }),
    codeChanged: services.codeChanged,
    programs: createTaskPrograms({ folder, ownership, log }),
    nowMs,
    publish: channel.publish,
    publishThrough: channel.publishThrough,
    caughtUp: channel.caughtUp,
  };
}

async function stopAll(transactions: Transactions, log: Log): Promise<void> {
  const mostMs = transactions.longestStopMs() + KILLED_MS;
  const late = new AbortController();
  const stopped = transactions.stopAll().finally(() => late.abort());
  await Promise.race([stopped, pause(mostMs, undefined, { signal: late.signal }).catch(() => {})]);
  const stuck = transactions.living();
  if (stuck.length > 0) log.error({ tasks: stuck }, "leaving, though these can't be ended");
  transactions.statePublisher.close();
}

function tooShort(file: string, error: unknown): ZcontextError | undefined {
  const hint = shortageHint(error);
  if (hint === undefined) return undefined;
  return new ZcontextError("ERR_SYSTEM_SHORT", `cannot start the provider of ${file}: ${reasonOf(error)}`, {
    hint,
    cause: error,
  });
}

// Supervision goes on while nothing can be logged; the log of the embedding program has its own ways to fail.
function sheltered(log: Log): Log {
  const shelter = (level: keyof Log) =>
    unfailing(
      (fields: LogFields, phrase: string) => log[level](fields, phrase),
      () => {}, // this one line is lost
    );
  return { debug: shelter("debug"), info: shelter("info"), warn: shelter("warn"), error: shelter("error") };
}

/** Comparable between all processes of one boot. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
