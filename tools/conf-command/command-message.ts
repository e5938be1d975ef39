// What `conf-command` sends: makes a command, a question or any message of its options and the context file.
import { dirname, resolve } from "node:path";
import type { TaskServiceConfig } from "../../src/config/context-config.ts";
import { idsMeant } from "../../src/config/instances.ts";
import { entersAtOnce } from "../../src/config/meaning.ts";
import { formatTaskService } from "../../src/config/task-service.ts";
import type { Command } from "../../src/context/client/client.ts";
import { ZcontextError } from "../../src/errors.ts";
import { locationOf } from "../../src/launch/code/services.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import type { StateMessage } from "../../src/protocol/message.ts";
import { queryMessage, type TopQuery } from "../../src/protocol/query.ts";
import type { KnownContext } from "../context-file.ts";
import { readJson } from "../json-input.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { CommandAction, QueryAction } from "./actions.ts";
import { changesOf } from "./changes.ts";

/** The options of the command; see its `--help`. */
export interface Options {
  action?: string;
  context_file?: string;
  endpoint?: string;
  subscribe_endpoint?: string;
  service_name: string;
  service_id?: string;
  transaction?: string;
  new?: true;
  task_id?: string;
  topic?: string;
  content?: string;
  timeout: number;
  wait: boolean;
  json?: true;
  memory_maps?: true;
  open_connections?: true;
  opened_files?: true;
  use_service?: true;
  service_type: "pub" | "none";
  service_endpoint: string;
  /** Seconds between two publications. */
  service_freq: number;
}

/** What `--action top` asks for beside the figures: lists, and a publication. */
export function topQueryIn(options: Options): TopQuery {
  const { memory_maps = false, open_connections = false, opened_files = false } = options;
  const lists = { memory_maps, open_connections, opened_files };
  if (!options.use_service) return lists;
  const { service_type: type, service_endpoint: endpoint, service_freq: frequency_s } = options;
  return { ...lists, service: { type, endpoint, frequency_s } };
}

/**
 * The command that the options ask for. A start carries the tasks of the file. For all else it is the provider's knowledge
 * that counts, not the file's, which may have changed since: a restart carries what the provider would take from it.
 */
export function commandFor(action: CommandAction, options: Options, context: KnownContext | undefined): Command {
  const ids = idsIn(options, context);
  if (action === "start") assertInFile(ids, context);
  const transaction =
    options.transaction ||
    (action === "start" ? generateTransaction() : action === "exit" ? "" : transactionIn(options, action));
  const isWhole = ids === undefined;
  return {
    action,
    transaction,
    serviceId: options.service_id ?? (contextIdOf(context) || "none"),
    serviceName: options.service_name,
    configuration:
      action === "exit" || (action === "stop" && isWhole) ? {} : configurationFor(action, transaction, ids, context),
  };
}

/** The ids of --task_id; undefined for all tasks. */
export function idsIn({ task_id, service_id }: Options, context: KnownContext | undefined): string[] | undefined {
  const contextId = contextIdOf(context);
  const ids = (task_id ?? "").split(/[\s,]+/).filter((id) => id !== "");
  if (ids.length === 0 || ids.some((id) => id === "all" || id === contextId || id === service_id)) return undefined;
  return idsMeant(ids, context?.config?.tasks ?? []);
}

/** The provider's, which has it from the file as it was. */
function contextIdOf(context: KnownContext | undefined): string | undefined {
  return context?.presence?.contextId || context?.config?.contextId;
}

function assertInFile(ids: readonly string[] = [], context: KnownContext | undefined): void {
  const known = context?.config?.tasks.map(({ id }) => id);
  const unknown = ids.filter((id) => known?.includes(id) === false);
  if (unknown.length === 0) return;
  throw new ZcontextError(
    "ERR_TASK_UNKNOWN",
    `${context?.file} has no task ${unknown.join(", ")}; it has ${known?.join(", ")}`,
    { hint: "Name tasks of the file in --task_id, separated by commas, or all." },
  );
}

// Without a file the provider takes the tasks from its own; a stop needs only their ids.
function configurationFor(
  action: CommandAction,
  transaction: string,
  ids: string[] | undefined,
  context: KnownContext | undefined,
): JsonObject {
  const config = context?.config;
  if (context === undefined || config === undefined || action === "stop")
    return ids === undefined ? {} : { TaskService: ids.map((id) => ({ id })) };
  const bodyOf = (task: TaskServiceConfig) => ({
    ...formatTaskService(withFullLocation(task, context.file), { action, transaction }),
  });
  const tasks = config.tasks.filter(({ id }) => ids?.includes(id) ?? true);
  // All tasks of the file mean the whole context, whose tasks on demand are not run: those that are named are to run.
  const areAllNamed = ids !== undefined && tasks.length === config.tasks.length;
  const others = ids?.filter((id) => !tasks.some((task) => task.id === id)) ?? [];
  // A changed command would be refused; the provider restarts with the one that it has read.
  const changed = action === "restart" ? changesOf(context).filter(({ parts }) => parts.includes("command")) : [];
  const isKept = ({ id }: TaskServiceConfig) => changed.some((task) => task.id === id);
  // A list of nothing but ids would name them, and so run those on demand.
  if (ids === undefined && tasks.every(isKept)) return {};
  return {
    BackendBind: config.binds.subscribe,
    BackendEndpoint: config.endpoints.publish,
    ContextID: config.contextId,
    FrontBind: config.binds.publish,
    FrontEndEndpoint: config.endpoints.subscribe,
    TaskLogName: config.logName,
    TaskService: [
      ...tasks.map((task) => (isKept(task) ? { id: task.id } : bodyOf(areAllNamed ? startedNow(task) : task))),
      ...others.map((id) => ({ id })),
    ],
  };
}

function startedNow(task: TaskServiceConfig): TaskServiceConfig {
  return entersAtOnce(task) ? task : { ...task, entry: "start_now" };
}

// A relative location is relative to the context file, whose folder the provider may not know.
function withFullLocation(task: TaskServiceConfig, file: string): TaskServiceConfig {
  const location = locationOf(task);
  return location === undefined
    ? task
    : { ...task, configuration: { ...task.configuration, location: resolve(dirname(file), location) } };
}

/** The question that the options ask. */
export function queryFor(action: QueryAction, transaction: string, options: Options): StateMessage {
  return queryMessage(action, transaction, action === "top" ? topQueryIn(options) : {});
}

/** The body of any message: `--content` is a whole one with its header, or the content alone. */
export function bodyFrom({
  content = "",
  action = "",
  service_id = "",
  service_name,
  transaction = "",
}: Options): Json {
  const body = readJson(content, "--content", "conf-command");
  if (isObject(body) && ("header" in body || "Task" in body)) return body;
  return { content: body, header: { action, service_id, service_name, service_transaction: transaction } };
}

/** The transaction that the options must name. */
export function transactionIn({ transaction }: Options, action: CommandAction | QueryAction): string {
  return transaction || usage(`--action ${action} requires --transaction`, "expected the id that start has printed");
}

/** @throws {ZcontextError} `ERR_USAGE`. */
export function usage(problem: string, expected: string): never {
  throw new ZcontextError("ERR_USAGE", `${problem}: ${expected}`, { hint: "`conf-command --help` lists the options." });
}
