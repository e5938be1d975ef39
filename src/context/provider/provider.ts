// The long-lived process of one context file. Opens presence, journal, forwarder, bus and watch in this order, and
// closes them in reverse once every process is gone.
import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import type { ContextConfig, Probe, TaskServiceConfig } from "../../config/context-config.ts";
import { deferred } from "../../deferred.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { createInputFaults } from "../../input-faults.ts";
import { startProgram } from "../../launch/child.ts";
import { assertDescriptors, descriptorShortage } from "../../launch/descriptors.ts";
import { createLauncher } from "../../launch/launcher.ts";
import { type RunningProbe, startProbe } from "../../launch/probe.ts";
import { createProcessOwnership, type ProcessOwnership } from "../../launch/process-ownership.ts";
import { openServices } from "../../launch/services.ts";
import { findTools } from "../../launch/system-tools.ts";
import { readEnvironment } from "../../launch/task-environment.ts";
import { narrowToLoopback } from "../../link/exposure.ts";
import { type ForwarderEvents, startForwarder } from "../../link/forwarder.ts";
import { createLiveness } from "../../liveness.ts";
import { type Log, type LogFields, silent } from "../../log.ts";
import { createProcessTable } from "../../processes/table.ts";
import type { Frame } from "../../protocol/codec.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { resolveEndpoints } from "../../protocol/endpoints.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { TopOptions } from "../../protocol/query.ts";
import { shortageHint } from "../../shortage.ts";
import { unfailing } from "../../unfailing.ts";
import { openJournal } from "../journal/journal.ts";
import { contextKeyOf, stateFilesOf } from "../journal/state-files.ts";
import { createStartLimit } from "../task/start-limit.ts";
import type { Look } from "../task/task-contract.ts";
import { harmless, nobody, type ProviderObserver } from "../transaction/observer.ts";
import { type PendingStop, withProcesses } from "../transaction/pending-stops.ts";
import { left } from "../transaction/report.ts";
import { createTransactions, type EssentialEnd, type Outcome, type Watched } from "../transaction/transactions.ts";
import { openControlChannel } from "./control-channel.ts";
import { createController } from "./controller.ts";
import { clearLeftovers, forget, resume } from "./predecessor.ts";
import { holdPresence } from "./presence.ts";
import { createPublications } from "./publications.ts";

/** Watches the processes of transactions and answers `top`; see `startMonitor` of the monitor. */
export interface ProcessWatch extends AsyncDisposable {
  top(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
  entries(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
}

export interface ProviderOptions {
  config: ContextConfig;
  /** The context file: names the provider on this machine, and its folder is where relative locations start. */
  file: string;
  /** Opens the watch over the processes; `seen` is told what it has found of each task. */
  watch(source: {
    watched(): Watched[];
    publish(frame: Frame): boolean;
    seen(transaction: string, serviceId: string, look: Look): void;
    contextId(): string;
    forwarderPid(): number | undefined;
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

/**
 * What a provider opens to run its first task, generously. ZeroMQ takes it ill when there are too few: it waits for
 * what can't come, or aborts the process.
 */
const START_DESCRIPTORS = 24;
/** How long the last word may take when the forwarder is away, in milliseconds. */
const LAST_WORD_MS = 1_000;

export interface Provider extends AsyncDisposable {
  readonly pid: number;
  readonly contextId: string;
  /** Where peers connect; ports chosen by the system are filled in. */
  readonly endpoints: Endpoints;
  readonly forwarderPid: number;
  /** How often each kind of unusable input came. */
  readonly inputFaults: { readonly [kind: string]: number };
  /** Transactions that an earlier provider was running when it died, and that go on. */
  readonly resumed: readonly string[];
  /** Resolves with the first task without which the context is of no use, and that has ended for good. */
  readonly essentialEnd: Promise<EssentialEnd>;
  /** Starts the file's tasks under this transaction. */
  start(transaction: string): void;
  /** Resolves once nothing of the transaction runs any more, and it is stopped and forgotten. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Resolves when a message has asked the provider to leave. */
  readonly asked: Promise<void>;
  /** The transactions that are open, and their tasks' records. */
  watched(): Watched[];
  /** Task ids whose processes still live. */
  living(): string[];
  /** The tasks that a stop has waited for longest, so many at most, and what each still has of processes. */
  pendingStops(most: number): Promise<(PendingStop & { pids: number[] })[]>;
  /** Ends every task's process at once, for whoever can't wait for `close`. */
  kill(): void;
  /** Stops all tasks, waits for their processes, then leaves the bus. */
  close(): Promise<void>;
}

/**
 * Starts the provider of a context file. Resolves when it takes commands.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING`, `ERR_ENDPOINT_IN_USE`, `ERR_ENDPOINT_PUBLIC`, `ERR_FORWARDER_FAILED` or
 * `ERR_SYSTEM_SHORT`.
 */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { config, file } = options;
  const log = sheltered(options.log ?? silent);
  const observer = harmless(options.observer ?? nobody, (error) => log.error({ reason: reasonOf(error) }, "not shown"));
  const opened = createOpened();
  try {
    assertDescriptors(START_DESCRIPTORS);
    const { binds, warnings } = narrowToLoopback(config);
    for (const reason of warnings) log.warn({ reason }, "bound to this machine only");
    const presence = opened.add(await holdPresence(file, { pid: process.pid, contextId: config.contextId }));
    const owner = { context: contextKeyOf(file), provider: randomUUID() };
    const everybody = createProcessTable();
    // Before anything of this file is touched: it may still be somebody's.
    const { journal, before } = await openJournal({
      ...stateFilesOf(file, options.stateDir),
      contextId: config.contextId,
      table: everybody,
      log,
    });
    opened.add({
      async [Symbol.asyncDispose]() {
        journal.close();
      },
    });
    await clearLeftovers(owner, everybody, log);
    // Whom we start is younger than we are.
    const table = createProcessTable({ sinceTicks: everybody.find(process.pid)?.startTicks ?? 0 });
    const folder = dirname(resolve(file));
    const toolsFound = findTools(folder, log);
    toolsFound.catch(() => {}); // awaited once the bus is there, if the start comes so far
    const liveness = createLiveness();
    const forwarder = opened.add(
      await startForwarder(binds, reportForwarder(log, observer), { cookie: owner, liveness }),
    );
    const endpoints = resolveEndpoints(config.endpoints, forwarder.bound);

    const inputFaults = createInputFaults(log, monotonicMs);
    const taskTopics = config.tasks.map(({ topic }) => topic);
    const wire = opened.add(await openControlChannel(endpoints, { taskTopics, inputFaults, log }));
    const asked = deferred();
    const services = opened.add(
      openServices({
        file,
        ownTasks: config.tasks,
        roots: options.servicesRoots ?? [],
        stateDir: options.stateDir,
      }),
    );
    const ownership = createProcessOwnership({ table, guard: forwarder, owner, tools: await toolsFound });
    warnOfShortage(config.tasks.length, log);
    const transactions = createTransactions({
      config,
      endpoints,
      addresses: addressesOf(config, endpoints, forwarder.bound),
      launcher: createLauncher({ folder, ownership }),
      enter: createStartLimit(2 * availableParallelism()),
      liveness,
      async prepare(task) {
        const [path, environment] = await Promise.all([
          services.prepare(task),
          readEnvironment(task.supervision, folder),
        ]);
        return { path, environment };
      },
      probe: (task, environment, onReady) => probeTask(task, { environment, folder, ownership, log, onReady }),
      journal,
      lastSequence: before.lastSequence,
      incarnation: wire.incarnation,
      nowMs: monotonicMs,
      publish: wire.publish,
      send: wire.send,
      publishThrough: wire.publishThrough,
      caughtUp: wire.caughtUp,
      inputFaults,
      log,
      observer,
    });
    const watch = opened.add(
      options.watch({
        watched: transactions.watched,
        publish: wire.send,
        seen: transactions.seen,
        contextId: () => transactions.contextId,
        forwarderPid: () => forwarder.pid,
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
    const controller = createController({
      transactions,
      ownTasks: config.tasks,
      supervision: config.supervision,
      incarnation: wire.incarnation,
      mayLoad: services.mayLoad,
      publish: wire.publish,
      listen: wire.listen,
      top: watch.top,
      publications,
      onLeave: asked.resolve,
      inputFaults,
      log,
    });
    const resumed = options.resume === false ? forget(before, journal, log) : resume(before, transactions, log);
    wire.receive(controller.receive);
    presence.update({ pid: process.pid, contextId: config.contextId, endpoints });

    let closing: Promise<void> | undefined;
    async function leave(): Promise<void> {
      controller.leave();
      await transactions.stopAll();
      const stuck = transactions.living();
      if (stuck.length > 0) log.error({ tasks: stuck }, "leaving, though these can't be ended");
      transactions.news.close();
      journal.write({ kind: "left" });
      // The forwarder ends with us: what is said last must have passed it.
      await wire.publishThrough(left(transactions.contextId), LAST_WORD_MS);
      await opened.close();
    }
    const close = () => (closing ??= leave());
    return {
      pid: process.pid,
      get contextId() {
        return transactions.contextId;
      },
      endpoints,
      get forwarderPid() {
        return forwarder.pid;
      },
      inputFaults: inputFaults.counts,
      asked: asked.promise,
      resumed,
      essentialEnd: transactions.essentialEnd,
      start: controller.start,
      untilDone: transactions.untilDone,
      watched: transactions.watched,
      living: transactions.living,
      pendingStops: (most) => withProcesses(transactions.pendingStops().slice(0, most), table),
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

function tooShort(file: string, error: unknown): ZcontextError | undefined {
  const hint = shortageHint(error);
  if (hint === undefined) return undefined;
  return new ZcontextError("ERR_SYSTEM_SHORT", `cannot start the provider of ${file}: ${reasonOf(error)}`, {
    hint,
    cause: error,
  });
}

// Supervision goes on while nobody can be told of it; whoever brings a log knows what it takes to keep one.
function sheltered(log: Log): Log {
  const shelter = (level: keyof Log) =>
    unfailing(
      (fields: LogFields, phrase: string) => log[level](fields, phrase),
      () => {}, // this one line is lost
    );
  return { debug: shelter("debug"), info: shelter("info"), warn: shelter("warn"), error: shelter("error") };
}

/** Things to close in the reverse order of their opening. */
function createOpened() {
  const things: AsyncDisposable[] = [];
  return {
    add<T extends AsyncDisposable>(thing: T): T {
      things.push(thing);
      return thing;
    },
    async close(): Promise<void> {
      const thing = things.pop();
      if (thing === undefined) return;
      // One that does not close must not keep the others open.
      await Promise.resolve(thing[Symbol.asyncDispose]()).finally(() => this.close());
    },
  };
}

function reportForwarder(log: Log, observer: ProviderObserver): ForwarderEvents {
  return {
    onSilent: ({ pid, silentMs }) => log.warn({ pid, silent_ms: silentMs }, "forwarder does not answer"),
    onLost({ pid, code, signal }) {
      log.warn({ pid, code, signal }, "forwarder lost");
      observer.forwarder(false);
    },
    onBack(pid) {
      log.info({ pid }, "forwarder back");
      observer.forwarder(true);
    },
    onRetry: ({ message: reason }) => log.warn({ reason }, "forwarder waits to bind"),
  };
}

// As the file has them, but for ports that the system chose.
function addressesOf(config: ContextConfig, endpoints: Endpoints, bound: Endpoints): JsonObject {
  const binds = resolveEndpoints(config.binds, bound);
  return {
    BackendBind: binds.subscribe,
    BackendEndpoint: endpoints.publish,
    FrontBind: binds.publish,
    FrontEndEndpoint: endpoints.subscribe,
  };
}

function warnOfShortage(tasks: number, log: Log): void {
  const shortage = descriptorShortage(tasks);
  if (shortage === undefined) return;
  const reason = `${tasks} tasks may need ${shortage.needed} open files, and the limit is ${shortage.limit}; raise it with ulimit -n`;
  log.warn({ reason }, "few descriptors");
}

interface ProbeSurroundings {
  environment: Readonly<Record<string, string>>;
  folder: string;
  ownership: ProcessOwnership;
  log: Log;
  onReady(): void;
}

// What a program of a probe leaves behind is owed no grace, and must not keep its answer from counting.
function probeTask(
  { id, supervision }: TaskServiceConfig,
  { environment, folder, ownership, log, onReady }: ProbeSurroundings,
): RunningProbe {
  const events = { onSpawned() {}, onLingers() {}, onStuck() {} };
  const processOptions = { environment, folder, stopSignal: "SIGKILL" } as const;
  return startProbe(supervision.probe as Probe, {
    folder,
    onReady,
    onFaulty: (reason) => log.warn({ task: id, reason }, "faulty probe"),
    run: (program, told) =>
      startProgram({ ...program, ...processOptions, run: randomUUID() }, ownership, { ...events, ...told }),
  });
}

/** Comparable between all processes of one boot. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
