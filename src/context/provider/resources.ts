// What a provider holds while it runs: its presence, its journal, the forwarder, the control channel, the code of its
// services and its processes. Opened in this order, closed in reverse.
import { dirname, join, resolve } from "node:path";
import { startAgent } from "../../companions/agent.ts";
import { type Broker, type BrokerOptions, holdBroker } from "../../companions/broker.ts";
import type { BusHost, BusProcessEvents } from "../../companions/bus-process.ts";
import type { CompanionEvents } from "../../companions/companion.ts";
import { type Forwarder, startForwarder } from "../../companions/forwarder.ts";
import type { ContextConfig } from "../../config/context-config.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { createInputFaults, type InputFaults } from "../../input-faults.ts";
import { openServices, type Services } from "../../launch/code/services.ts";
import { type ConfigurationFiles, openConfigurationFiles } from "../../launch/environment/configuration-files.ts";
import { assertDescriptors, descriptorShortage } from "../../launch/environment/descriptors.ts";
import { createOutputPipes } from "../../launch/output/output-pipes.ts";
import { lockFile } from "../../launch/process/file-lock.ts";
import { createProcessOwnership, type ProcessOwnership } from "../../launch/process/process-ownership.ts";
import { findTools } from "../../launch/process/system-tools.ts";
import { narrowToLoopback } from "../../link/exposure.ts";
import { createLiveness, type Liveness } from "../../liveness.ts";
import type { Log } from "../../log.ts";
import { type HeldPresence, holdPresence } from "../../presence/presence.ts";
import { createProcessTable, type ProcessTable } from "../../processes/table.ts";
import { type Endpoints, resolveEndpoints } from "../../protocol/endpoints.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { type Journal, openJournal } from "../journal/journal.ts";
import type { Resumable } from "../journal/recall.ts";
import { type StateFiles, stateFilesOf } from "../journal/state-files.ts";
import type { ProviderObserver } from "../transaction/observer.ts";
import type { ClosingStack } from "./closing-stack.ts";
import { type ControlChannel, openControlChannel } from "./control-channel.ts";
import { chooseServer } from "./engine-choice.ts";
import { clearLeftovers } from "./predecessor.ts";

export interface Resources {
  /** Of the context file: where relative locations and programs start from. */
  folder: string;
  presence: HeldPresence;
  journal: Journal;
  /** What an earlier provider of the file has left in the journal. */
  before: Resumable;
  /** Where that is, and what else outlives this provider. */
  stateFiles: StateFiles;
  /** Of all processes that are younger than this one, as its children are. */
  table: ProcessTable;
  liveness: Liveness;
  forwarder: Forwarder;
  /** Undefined where there is no place for the socket of a broker. */
  bus: BusHost | undefined;
  /** Where peers connect; ports chosen by the system are filled in. */
  endpoints: Endpoints;
  /** The four addresses as `context_info` shows them. */
  addresses: JsonObject;
  inputFaults: InputFaults;
  channel: ControlChannel;
  services: Services;
  configurations: ConfigurationFiles;
  ownership: ProcessOwnership;
}

export interface ResourcesOptions {
  config: ContextConfig;
  /** The context file. */
  file: string;
  stateDir?: string | undefined;
  servicesRoots?: readonly string[] | undefined;
  log: Log;
  observer: ProviderObserver;
  nowMs(): number;
}

/** What a provider opens to run its first task, generously. With too few descriptors libzmq hangs, or aborts. */
const START_DESCRIPTORS = 24;

/**
 * Opens what a provider holds; `opened` closes it.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING`, `ERR_ENDPOINT_IN_USE`, `ERR_ENDPOINT_PUBLIC`, `ERR_FORWARDER_FAILED` or
 * `ERR_SYSTEM_SHORT`; and what `chooseServer` throws.
 */
export async function openResources(options: ResourcesOptions, opened: ClosingStack): Promise<Resources> {
  const { config, file, stateDir, log, nowMs } = options;
  assertDescriptors(START_DESCRIPTORS);
  const { binds, warnings, ...exposure } = narrowToLoopback(config);
  for (const reason of warnings) log.warn({ reason }, "bound to this machine only");
  const server = chooseServer(config.messaging, process.env);
  for (const reason of server?.warnings ?? []) log.warn({ reason }, "messages are open to others");
  const presence = opened.add(await holdPresence(file, { pid: process.pid, contextId: config.contextId }));
  if (!presence.isFindable)
    log.warn({ reason: "there is no folder for its socket" }, "commands can't find this provider by its file");
  const owner = { context: presence.key, provider: presence.instance };
  const everyProcess = createProcessTable();
  // Before anything else of this file is touched: another provider may still own it.
  const stateFiles = stateFilesOf(file, stateDir);
  opened.add(await lockState(stateFiles, log));
  const { journal, before } = await openJournal({
    ...stateFiles,
    contextId: config.contextId,
    table: everyProcess,
    log,
  });
  opened.add({ [Symbol.asyncDispose]: async () => journal.close() });
  await clearLeftovers(owner, everyProcess, log);
  const configurations = opened.add(
    await openConfigurationFiles(join(stateFiles.folder, `${stateFiles.name}.configurations`)),
  );
  // Our children start after us, so older processes can be skipped.
  const table = createProcessTable({ sinceTicks: everyProcess.find(process.pid)?.startTicks ?? 0 });
  const folder = dirname(resolve(file));
  const tools = findTools(log);
  tools.catch(() => {}); // awaited below, if the start comes so far
  const liveness = createLiveness();
  const forwarder = opened.add(await startForwarder(binds, forwarderEvents(options), { cookie: owner, liveness }));
  const endpoints = resolveEndpoints(exposure.endpoints, forwarder.bound);
  const storeFolder = join(stateFiles.folder, `${stateFiles.name}.bus`);
  const runFolder = presence.brokerFolder ?? join(storeFolder, "run");
  const bus = server
    ? await startAgent(
        { ...server, contextId: config.contextId, runFolder, cookie: owner, liveness },
        busEvents(log, "agent"),
      )
    : await openBroker(options, { runFolder, storeFolder, endpoints, cookie: owner, liveness });
  if (bus !== undefined) opened.add(bus);
  const inputFaults = createInputFaults(log, nowMs);
  const taskTopics = config.tasks.map(({ topic }) => topic);
  const channel = opened.add(await openControlChannel(endpoints, { taskTopics, inputFaults, log }));
  const services = opened.add(
    openServices({ file, ownTasks: config.tasks, roots: options.servicesRoots ?? [], stateDir }),
  );
  const outputPipes = createOutputPipes({
    mkfifo: (await tools).mkfifo,
    expected: 2 * config.tasks.length,
    onMissing: (reason) => log.warn({ reason }, "tasks can't open their output by name, such as /dev/stdout"),
  });
  opened.add({ [Symbol.asyncDispose]: async () => outputPipes[Symbol.dispose]() });
  const ownership = createProcessOwnership({
    ...{ table, guard: forwarder.guard, outputPipes, owner },
    tools: await tools,
    ...(bus && { environment: bus.environment }),
  });
  warnOfShortage(config.tasks.length, log);
  return {
    ...{ folder, presence, journal, before, stateFiles, table, liveness, forwarder, bus, endpoints },
    addresses: addressesOf(config, endpoints, forwarder.bound),
    ...{ inputFaults, channel, services, configurations, ownership },
  };
}

/**
 * Keeps the journal for this provider. One that has other run folders, in another container or on another machine, is seen
 * here alone.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING`.
 */
async function lockState({ folder, name }: ReturnType<typeof stateFilesOf>, log: Log): Promise<AsyncDisposable> {
  const path = join(folder, `${name}.lock`);
  const outcome = await lockFile(path);
  if ("lock" in outcome) return outcome.lock;
  if ("heldBy" in outcome)
    throw new ZcontextError("ERR_PROVIDER_RUNNING", `${path} is held by a provider that runs: ${outcome.heldBy}`, {
      hint: "Stop that one first. Two containers or machines that share a folder need a --state-dir each.",
    });
  log.debug({ file: path, reason: outcome.fault }, "not locked");
  return { async [Symbol.asyncDispose]() {} };
}

/** Undefined, with a line in the log, where this machine has no place for its socket. */
async function openBroker(
  { config, log }: ResourcesOptions,
  where: Omit<BrokerOptions, "durability">,
): Promise<Broker | undefined> {
  const { durability } = config.messaging;
  try {
    return await holdBroker({ ...where, durability }, busEvents(log, "broker"));
  } catch (error) {
    log.warn({ reason: reasonOf(error) }, "tasks can't send messages to each other");
    return undefined;
  }
}

function busEvents(log: Log, name: "agent" | "broker"): BusProcessEvents {
  return {
    onStarted: (pid) => log.info({ pid }, `${name} started`),
    onSilent: ({ pid, silentMs }) => log.warn({ pid, silent_ms: silentMs }, `${name} does not answer`),
    onLost: ({ pid, code, signal }) => log.warn({ pid, code, signal }, `${name} lost`),
    onBack: (pid) => log.info({ pid }, `${name} back`),
    onRetry: ({ message: reason }) => log.warn({ reason }, `${name} can't start`),
    onNote: ({ level, phrase, fields }) => log[level](fields, phrase),
  };
}

function forwarderEvents({ log, observer }: Pick<ResourcesOptions, "log" | "observer">): CompanionEvents {
  return {
    onSilent: ({ pid, silentMs }) => log.warn({ pid, silent_ms: silentMs }, "forwarder does not answer"),
    onLost({ pid, code, signal }) {
      log.warn({ pid, code, signal }, "forwarder lost");
      observer({ type: "forwarder", isThere: false });
    },
    onBack(pid) {
      log.info({ pid }, "forwarder back");
      observer({ type: "forwarder", isThere: true });
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
