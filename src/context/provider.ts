// The long-lived process of one context file. Opens presence, forwarder, bus and watch in this order, and closes them
// in reverse once every process is gone.
import { dirname, resolve } from "node:path";
import { narrowToLoopback, resolveEndpoints } from "../bus/exposure.ts";
import { type ForwarderEvents, startForwarder } from "../bus/forwarder.ts";
import type { ContextConfig, Endpoints } from "../config/context-config.ts";
import { deferred } from "../deferred.ts";
import { type Log, silent } from "../log.ts";
import type { Frame } from "../protocol/codec.ts";
import type { JsonObject } from "../protocol/json.ts";
import { createComplaints } from "./complaints.ts";
import { createController } from "./controller.ts";
import { holdPresence } from "./presence.ts";
import { left } from "./report.ts";
import { openServices } from "./services.ts";
import { createLauncher } from "./task-process.ts";
import { createTransactions, type Outcome, type Watched } from "./transactions.ts";
import { joinWire } from "./wire.ts";

/** Watches the processes of transactions and answers `top`; see `startMonitor` of the monitor. */
export interface ProcessWatch extends AsyncDisposable {
  top(watched: Watched): Promise<JsonObject[]>;
}

export interface ProviderOptions {
  config: ContextConfig;
  /** The context file: names the provider on this machine, and its folder is where relative locations start. */
  file: string;
  /** Opens the watch over the processes. */
  watch(source: { watched(): Watched[]; publish(frame: Frame): boolean }): ProcessWatch;
  /** Holds the compiled services. Default `.zcontext` beside the file. */
  stateDir?: string;
  /** Further folders that services may be loaded from. */
  servicesRoots?: readonly string[];
  /** From the request to stop a task to SIGKILL, in milliseconds. Default 10_000. */
  graceMs?: number;
  log?: Log;
}

/** How long the last word may take when the forwarder is away, in milliseconds. */
const LAST_WORD_MS = 1_000;

export interface Provider extends AsyncDisposable {
  readonly pid: number;
  readonly contextId: string;
  /** Where peers connect; ports chosen by the system are filled in. */
  readonly endpoints: Endpoints;
  readonly forwarderPid: number;
  /** How often each kind of unusable input came. */
  readonly complaints: { readonly [kind: string]: number };
  /** Starts the file's tasks under this transaction. */
  start(transaction: string): void;
  /** Resolves once nothing of the transaction runs any more, and it is stopped and forgotten. */
  untilDone(transaction: string): Promise<Outcome>;
  /** Resolves when a message has asked the provider to leave. */
  readonly asked: Promise<void>;
  /** Task ids whose processes still live. */
  living(): string[];
  /** Ends every task's process at once, for whoever can't wait for `close`. */
  kill(): void;
  /** Stops all tasks, waits for their processes, then leaves the bus. */
  close(): Promise<void>;
}

/**
 * Starts the provider of a context file. Resolves when it takes commands.
 *
 * @throws {ContextError} `ERR_PROVIDER_RUNNING`, `ERR_ENDPOINT_IN_USE`, `ERR_ENDPOINT_PUBLIC` or `ERR_FORWARDER_FAILED`.
 */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { config, file, log = silent } = options;
  const opened = createOpened();
  try {
    const { binds, warnings } = narrowToLoopback(config);
    for (const reason of warnings) log.warn({ reason }, "bound to this machine only");
    const presence = opened.add(await holdPresence(file, { pid: process.pid, contextId: config.contextId }));
    const forwarder = opened.add(await startForwarder(binds, reportForwarder(log)));
    const endpoints = resolveEndpoints(config.endpoints, forwarder.bound);

    const complaints = createComplaints(log, monotonicMs);
    const taskTopics = config.tasks.map(({ topic }) => topic);
    const wire = opened.add(await joinWire(endpoints, { taskTopics, complaints, log }));
    const asked = deferred();
    const services = opened.add(
      openServices({
        file,
        ownTasks: config.tasks,
        roots: options.servicesRoots ?? [],
        stateDir: options.stateDir,
      }),
    );
    const transactions = createTransactions({
      config,
      endpoints,
      addresses: addressesOf(config, endpoints, forwarder.bound),
      services,
      launcher: createLauncher({ folder: dirname(resolve(file)) }),
      graceMs: options.graceMs ?? 10_000,
      nowMs: monotonicMs,
      publish: wire.publish,
      publishThrough: wire.publishThrough,
      caughtUp: wire.caughtUp,
      complaints,
      log,
    });
    const controller = createController({
      transactions,
      ownTasks: config.tasks,
      incarnation: wire.incarnation,
      mayLoad: services.mayLoad,
      publish: wire.publish,
      listen: wire.listen,
      top: (watched) => watch.top(watched),
      onLeave: asked.resolve,
      complaints,
      log,
    });
    const watch = opened.add(options.watch({ watched: transactions.watched, publish: wire.send }));
    wire.receive(controller.receive);
    presence.update({ pid: process.pid, contextId: config.contextId, endpoints });

    let closing: Promise<void> | undefined;
    async function leave(): Promise<void> {
      controller.leave();
      await transactions.stopAll();
      transactions.news.close();
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
      complaints: complaints.counts,
      asked: asked.promise,
      start: controller.start,
      untilDone: transactions.untilDone,
      living: transactions.living,
      kill: transactions.kill,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
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

function reportForwarder(log: Log): ForwarderEvents {
  return {
    onLost: ({ pid, code, signal }) => log.warn({ pid, code, signal }, "forwarder lost"),
    onBack: (pid) => log.info({ pid }, "forwarder back"),
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

function monotonicMs(): number {
  return performance.now();
}
