// What `conf-command` does, once its words are understood.
import { dirname, resolve } from "node:path";
import { connectOutbox } from "../src/bus/bus.ts";
import type { ContextConfig, Endpoints, TaskServiceConfig } from "../src/config/context-config.ts";
import { formatTaskService } from "../src/config/task-service.ts";
import { type Command, type ContextClient, connectContext, type Progress } from "../src/context/client.ts";
import type { TaskRecord } from "../src/context/record.ts";
import { locationOf } from "../src/context/services.ts";
import { ContextError, reasonOf } from "../src/errors.ts";
import type { Frame } from "../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../src/protocol/json.ts";
import { writeMessage } from "../src/protocol/message.ts";
import { ACTIONS, QUERIES } from "./actions.ts";
import { findEndpoints, readContextFile } from "./context-file.ts";
import { answer, answerJson, columns, EXIT, errorAsJson, exitCodeOf, mebibytes, percent, say } from "./print.ts";
import { generateTransaction } from "./transaction-id.ts";

/** The options of the command; see its `--help`. */
export interface Options {
  action?: string;
  context_file?: string;
  endpoint?: string;
  subscribe_endpoint?: string;
  service_name: string;
  service_id?: string;
  transaction?: string;
  task_id?: string;
  topic?: string;
  content?: string;
  timeout: number;
  wait: boolean;
  json?: true;
}

/** From when on a command that waits says so, in milliseconds. */
const PROGRESS_MS = 1_000;
/** Sends what the options say and waits for what becomes of it; answers the exit code. */
export async function control(options: Options): Promise<number> {
  if (options.content !== undefined) return publish(options);
  const action = options.action ?? usage("missing --action", `one of ${ACTIONS.join(", ")}`);
  const config = options.context_file === undefined ? undefined : await readContextFile(options.context_file);
  const endpoints = await endpointsFor(options, config);
  if (endpoints.subscribe === undefined) return sendUnheard(action, endpoints.publish, options, config);
  try {
    const client = await connectContext({ publish: endpoints.publish, subscribe: endpoints.subscribe });
    try {
      return isQuery(action) ? await query(client, action, options) : await command(client, action, options, config);
    } finally {
      await client[Symbol.asyncDispose]();
    }
  } catch (error) {
    if (!options.json || !(error instanceof ContextError)) throw error;
    answerJson({ transaction: options.transaction ?? "", ...errorAsJson(error) });
    return exitCodeOf(error);
  }
}

async function endpointsFor(
  options: Options,
  config: ContextConfig | undefined,
): Promise<Partial<Endpoints> & { publish: string }> {
  const { context_file: file, endpoint, subscribe_endpoint: subscribe } = options;
  if (file !== undefined && config !== undefined && (endpoint === undefined || subscribe === undefined)) {
    const found = await findEndpoints(file, config);
    return { publish: endpoint ?? found.publish, subscribe: subscribe ?? found.subscribe };
  }
  const publish =
    endpoint ?? usage("where is the provider?", "--context_file FILE, or --endpoint and --subscribe_endpoint");
  return { publish, ...(subscribe === undefined ? {} : { subscribe }) };
}

// --- queries ---------------------------------------------------------------------------------------------------------

async function query(client: ContextClient, action: string, options: Options): Promise<number> {
  const transaction =
    options.transaction || usage(`--action ${action} needs --transaction`, "the id that start has printed");
  if (action === "top") printTop(transaction, await client.top(transaction), options);
  else printTasks({ transaction, result: "success" }, await client.state(transaction), options);
  return EXIT.done;
}

function printTop(transaction: string, tasks: JsonObject[], { json }: Options): void {
  if (json) return answerJson({ transaction, tasks });
  const rows = tasks.map(({ service_id, serviceName, pid, memory }) => {
    const figures = memory as {
      status?: string;
      cpu_percent: number;
      rss: number;
      vms?: number;
      percent: number;
      children?: Json[];
    };
    return [
      service_id,
      serviceName,
      pid,
      figures.status ?? "-",
      percent(figures.cpu_percent),
      mebibytes(figures.rss),
      percent(figures.percent),
      figures.children?.length ?? "-",
    ].map(String);
  });
  answer(columns(["TASK", "SERVICE", "PID", "STATUS", "CPU", "RSS", "MEM", "CHILDREN"], rows));
}

// --- commands --------------------------------------------------------------------------------------------------------

async function command(
  client: ContextClient,
  action: string,
  options: Options,
  config: ContextConfig | undefined,
): Promise<number> {
  const wanted = commandFor(action, options, config);
  const { transaction } = wanted;
  const progress = await client.command(wanted);
  if (!options.wait) {
    printTasks({ transaction, result: "accepted" }, ordered(progress), options);
    return EXIT.done;
  }
  const records = await watched(progress, wanted, options);
  const tasks = records.filter(({ service_id }) => service_id in progress.orders);
  const failed = tasks.filter(({ lifecycle }) => action !== "stop" && lifecycle === "failed");
  printTasks({ transaction, result: failed.length === 0 ? "success" : "failure" }, tasks, options);
  if (failed.length === 0) return EXIT.done;
  return tasks.some(({ lifecycle }) => lifecycle === "running") ? EXIT.partly : EXIT.failed;
}

function commandFor(action: string, options: Options, config: ContextConfig | undefined): Command {
  const ids = idsIn(options, config);
  const transaction =
    options.transaction ||
    (action === "start"
      ? generateTransaction()
      : action === "exit"
        ? ""
        : usage(`--action ${action} needs --transaction`, "the id that start has printed"));
  const isWhole = ids === undefined;
  return {
    action: action as Command["action"],
    transaction,
    serviceId: options.service_id ?? (config?.contextId || "none"),
    serviceName: options.service_name,
    configuration:
      action === "exit" || (action === "stop" && isWhole)
        ? {}
        : configurationFor(action, transaction, ids, options, config),
  };
}

// The ids of --task_id; undefined for all of them.
function idsIn(
  { task_id, service_id, context_file }: Options,
  config: ContextConfig | undefined,
): string[] | undefined {
  const ids = (task_id ?? "").split(/[\s,]+/).filter((id) => id !== "");
  if (ids.length === 0 || ids.some((id) => id === "all" || id === config?.contextId || id === service_id))
    return undefined;
  const known = config?.tasks.map(({ id }) => id);
  const unknown = ids.filter((id) => known?.includes(id) === false);
  if (unknown.length === 0) return ids;
  throw new ContextError(
    "ERR_TASK_UNKNOWN",
    `${context_file} has no task ${unknown.join(", ")}; it has ${known?.join(", ")}`,
  );
}

// Without a file the provider looks the tasks up in its own; a stop needs no more than the ids anyway.
function configurationFor(
  action: string,
  transaction: string,
  ids: string[] | undefined,
  { context_file = "" }: Options,
  config: ContextConfig | undefined,
): JsonObject {
  if (config === undefined || action === "stop")
    return ids === undefined ? {} : { TaskService: ids.map((id) => ({ id })) };
  const tasks = config.tasks.filter(({ id }) => ids?.includes(id) ?? true);
  return {
    BackendBind: config.binds.subscribe,
    BackendEndpoint: config.endpoints.publish,
    ContextID: config.contextId,
    FrontBind: config.binds.publish,
    FrontEndEndpoint: config.endpoints.subscribe,
    TaskLogName: config.logName,
    TaskService: tasks.map((task) => ({ ...formatTaskService(atHome(task, context_file), { action, transaction }) })),
  };
}

// A relative location starts from the file it stands in, which the provider may not know.
function atHome(task: TaskServiceConfig, file: string): TaskServiceConfig {
  const location = locationOf(task);
  return location === undefined
    ? task
    : { ...task, configuration: { ...task.configuration, location: resolve(dirname(file), location) } };
}

async function watched(progress: Progress, { action }: Command, options: Options): Promise<TaskRecord[]> {
  const timer = setTimeout(
    () => say(`waiting for ${action} of ${Object.keys(progress.orders).join(", ") || "the provider"} …`),
    PROGRESS_MS,
  );
  return progress.settled(options.timeout * 1_000).finally(() => clearTimeout(timer));
}

type TaskRow = Pick<TaskRecord, "service_id" | "serviceName" | "lifecycle" | "pid" | "runs"> & { reason?: string };

function ordered({ orders }: Progress): TaskRow[] {
  return Object.keys(orders).map((id) => ({
    service_id: id,
    serviceName: "-",
    lifecycle: "starting",
    pid: null,
    runs: 0,
  }));
}

function printTasks(
  head: { transaction: string; result: string },
  records: readonly TaskRow[],
  { json }: Options,
): void {
  const tasks = records.map(({ service_id: id, lifecycle: state, pid, reason }) => ({
    id,
    state,
    pid,
    ...(reason === undefined ? {} : { reason }),
  }));
  if (json) return answerJson({ ...head, tasks });
  answer(`transaction ${head.transaction || "-"}: ${head.result}`);
  if (records.length === 0) return;
  const rows = records.map(({ service_id, serviceName, lifecycle, pid, runs, reason }) => [
    service_id,
    serviceName,
    lifecycle,
    `${pid ?? "-"}`,
    `${runs}`,
    reason ?? "",
  ]);
  answer(columns(["TASK", "SERVICE", "STATE", "PID", "RUNS", "REASON"], rows));
}

// --- messages nobody answers -------------------------------------------------------------------------------------------

async function sendUnheard(
  action: string,
  endpoint: string,
  options: Options,
  config: ContextConfig | undefined,
): Promise<number> {
  if (isQuery(action)) usage(`--action ${action} needs an answer`, "--subscribe_endpoint, or --context_file");
  const {
    transaction,
    serviceId = "none",
    serviceName = "context",
    configuration,
  } = commandFor(action, options, config);
  await sendOnce(
    endpoint,
    writeMessage({ kind: "context", header: { action, serviceId, serviceName, transaction }, configuration }),
  );
  if (options.json) answerJson({ transaction, result: "sent, not confirmed" });
  else answer(`transaction ${transaction || "-"}: sent, not confirmed`);
  return EXIT.done;
}

async function publish(options: Options): Promise<number> {
  const topic = options.topic ?? usage("missing --topic", "--content goes with --topic");
  const config = options.context_file === undefined ? undefined : await readContextFile(options.context_file);
  const { publish: endpoint } = await endpointsFor(options, config);
  await sendOnce(endpoint, { topic, body: bodyFrom(options) });
  if (options.json) answerJson({ topic, result: "sent, not confirmed" });
  else answer(`${topic}: sent, not confirmed`);
  return EXIT.done;
}

function bodyFrom({ content = "", action = "", service_id = "", service_name, transaction = "" }: Options): Json {
  let body: Json;
  try {
    body = JSON.parse(content);
  } catch (error) {
    return usage("--content is not JSON", reasonOf(error));
  }
  if (isObject(body) && ("header" in body || "Task" in body)) return body;
  return { content: body, header: { action, service_id, service_name, service_transaction: transaction } };
}

async function sendOnce(endpoint: string, frame: Frame): Promise<void> {
  const outbox = await connectOutbox(endpoint, { timeoutMs: 1_500 });
  outbox.publish(frame);
  await outbox.close();
}

// --- words -------------------------------------------------------------------------------------------------------------

function usage(problem: string, expected: string): never {
  throw new ContextError("ERR_USAGE", `${problem}: ${expected}`, { hint: "`conf-command --help` lists the options." });
}

function isQuery(action: string): boolean {
  return (QUERIES as readonly string[]).includes(action);
}
