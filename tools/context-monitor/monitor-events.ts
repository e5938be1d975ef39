// Reads frames of the link as events of the monitor. Anything may publish there, so every shape is checked and every text
// cleaned; a frame that can't be read yields no event. Pure.
import type { Frame } from "../../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { CONTEXT_NAME } from "../../src/protocol/message.ts";
import type { Transition } from "../../src/protocol/transition.ts";
import { type Bus, busIn } from "./queue-table.ts";
import { clean, itemsText } from "./terminal/text.ts";

/** Figures of a task whose process runs. */
/** What a figure of memory is; `mem` where it is PSS of some processes and RSS of others. */
export type MemoryFigure = "pss" | "rss" | "mem";

export interface Sample {
  id: string;
  state: string;
  runs: number | undefined;
  pid: number | undefined;
  /** Of the whole tree, in percent of a core and in MiB. */
  cpu: number | undefined;
  /** Of all its processes, in MiB: shared memory counts once where that can be read. */
  memory: number | undefined;
  memoryFigure: MemoryFigure;
  uptimeS: number | undefined;
  /** All figures as they came. */
  figures: JsonObject;
}

/** A task's record as far as it could be read; the state may be a word of another version. */
export interface KnownTask {
  id: string;
  service: string;
  instance: string;
  state: string;
  runs: number | undefined;
  pid: number | undefined;
  action: string;
  reason: string | undefined;
  /** When its schedule starts it next. */
  nextRun: string | undefined;
}

/** What a provider takes itself, its forwarder included: percent of a core, and MiB. */
export interface Cost {
  cpu: number;
  rss: number;
}

export type MonitorEvent =
  | Overview
  | { kind: "sampled"; transaction: string; samples: readonly Sample[] }
  | { kind: "known"; transaction: string; contextId: string; tasks: readonly KnownTask[]; isOver: boolean }
  /** These run, and no others; the last of `ended` is still known to the provider. */
  | { kind: "running"; transactions: readonly string[]; ended: readonly string[] }
  | Announced
  | Moved
  | { kind: "ended"; transaction: string };

/** The sum of each transaction that runs, and what the provider takes itself. */
export interface Overview {
  kind: "overview";
  sums: ReadonlyMap<string, JsonObject>;
  cost: Cost | undefined;
  /** The parts of the cost as they came: `provider`, `sampling`, `forwarder` and `broker`. */
  costParts: JsonObject;
  /** Undefined while no program has used messages. */
  bus: Bus | undefined;
}

/** An announcement of a task, or one of the provider about a task or a transaction. */
export interface Announced {
  kind: "announced";
  transaction: string;
  task: string;
  service: string | undefined;
  action: string;
  result: string;
  items: JsonObject;
}

/** A transition as far as it could be read. */
export interface Moved
  extends Pick<Transition<string>, "transaction" | "task" | "from" | "to" | "event" | "cause" | "pid" | "time"> {
  kind: "moved";
  contextId: string;
  run: number | undefined;
  /** Ends that count for the restart intensity. */
  restarts: number | undefined;
}

/** The topics that events are read from. */
export const TOPICS = ["overview", "monitor", "control", "transition", "state"] as const;

export function eventsIn({ topic, body }: Frame): MonitorEvent[] {
  if (!isObject(body)) return [];
  switch (topic) {
    case "monitor":
      return Object.entries(body).map(([id, entries]) => ({
        kind: "sampled",
        transaction: clean(id),
        samples: objects(entries).flatMap(sampleOf),
      }));
    case "overview":
      return [overviewIn(body)];
    case "transition":
      return transitionIn(body);
    case "control":
      return controlEventsIn(body);
    case "state":
      return replyIn(body);
    default:
      return [];
  }
}

/** What a task or the provider has announced, in a line. */
export function announcementText({ action, result, items }: Announced): string {
  const { reason, ...others } = items;
  const why = typeof reason === "string" ? `: ${clean(reason)}` : "";
  const words = [`${action}${result === "success" || why !== "" ? "" : ` (${result})`}${why}`, itemsText(others)];
  return words.filter((word) => word !== "").join(" ");
}

function sampleOf(entry: JsonObject): Sample[] {
  const id = text(entry.serviceId);
  const total = isObject(entry.total) ? entry.total : entry;
  return id === ""
    ? []
    : [
        {
          id,
          state: text(entry.lifecycle) || text(entry.action),
          runs: number(entry.runs),
          pid: number(entry.pid),
          cpu: number(total.cpu_percent),
          memory: number(total.memory ?? total.rss),
          memoryFigure: memoryFigureIn(total),
          uptimeS: number(entry.uptime_s),
          figures: entry,
        },
      ];
}

function memoryFigureIn({ memory_figure: figure }: JsonObject): MemoryFigure {
  if (figure === "pss") return "pss";
  return figure === "mixed" ? "mem" : "rss";
}

function overviewIn({ transactions, ...about }: JsonObject): Overview {
  const sums = isObject(transactions) ? Object.entries(transactions) : [];
  const costParts = Object.fromEntries(
    ["provider", "sampling", "forwarder", "broker"].flatMap((name) =>
      isObject(about[name]) ? [[name, about[name]]] : [],
    ),
  );
  return {
    kind: "overview",
    sums: new Map(sums.flatMap(([id, sum]) => (isObject(sum) ? [[clean(id), sum]] : []))),
    cost: costOf([costParts.provider, costParts.forwarder, costParts.broker]),
    costParts,
    bus: busIn(about.bus),
  };
}

function costOf(processes: readonly (Json | undefined)[]): Cost | undefined {
  const costs = processes.flatMap((process) => {
    const { cpu_percent: cpu, rss } = isObject(process) ? process : {};
    return typeof cpu === "number" && typeof rss === "number" ? [{ cpu, rss }] : [];
  });
  if (costs.length === 0) return undefined;
  return costs.reduce((sum, { cpu, rss }) => ({ cpu: sum.cpu + cpu, rss: sum.rss + rss }));
}

function transitionIn(body: JsonObject): MonitorEvent[] {
  const { transaction, task, from, to, event, cause, time, context_id: contextId } = body;
  if (text(transaction) === "" || text(task) === "" || text(to) === "") return [];
  return [
    {
      kind: "moved",
      transaction: text(transaction),
      task: text(task),
      contextId: text(contextId),
      from: text(from),
      to: text(to),
      event: text(event),
      cause: text(cause) || undefined,
      run: number(body.run),
      pid: number(body.pid),
      restarts: number(body.restarts_counted),
      time: text(time),
    },
  ];
}

function controlEventsIn({ header, content }: JsonObject): MonitorEvent[] {
  if (!isObject(header) || !isObject(content) || !isObject(content.status)) return [];
  const { result, device_action: deviceAction, ...items } = content.status;
  const transaction = text(header.service_transaction);
  const action = text(header.action);
  const isContext = header.service_name === CONTEXT_NAME;
  if (isContext && deviceAction === "context_info") return objects(items.data).flatMap(transactionsIn);
  if (isContext && action === "ended") return [{ kind: "ended", transaction }];
  // Some of the provider's own announcements are about a task, which their items name.
  const { task = header.service_id, ...rest } = isContext ? items : { task: header.service_id, ...items };
  const service = isContext ? undefined : text(header.service_name);
  return [
    { kind: "announced", transaction, task: text(task), service, action, result: text(result), items: tidy(rest) },
  ];
}

function replyIn({ header, content }: JsonObject): MonitorEvent[] {
  if (!isObject(header) || header.action !== "reply_context" || !isObject(content)) return [];
  const transaction = text(header.service_transaction);
  if (Array.isArray(content.tasks)) return [knownIn(transaction, content)];
  const { running, ended = [] } = isObject(content.error) ? content.error : {};
  if (!Array.isArray(running) || !Array.isArray(ended)) return [];
  return [{ kind: "running", transactions: running.map(text), ended: ended.map(text) }];
}

function transactionsIn(data: JsonObject): MonitorEvent[] {
  return Object.entries(data).flatMap(([id, record]) => (isObject(record) ? [knownIn(clean(id), record)] : []));
}

function knownIn(transaction: string, record: JsonObject): MonitorEvent {
  const tasks = objects(record.tasks).flatMap((task) => {
    const id = text(task.service_id);
    return id === "" ? [] : [knownTask(id, task)];
  });
  return { kind: "known", transaction, contextId: text(record.contextId), tasks, isOver: record.ended !== undefined };
}

function knownTask(id: string, task: JsonObject): KnownTask {
  return {
    id,
    service: text(task.serviceName),
    instance: text(task.instance),
    // The original has no lifecycle; its last action is the nearest thing to it.
    state: text(task.lifecycle) || text(task.action),
    runs: number(task.runs),
    pid: number(task.pid),
    action: text(task.action),
    reason: text(task.reason) || undefined,
    nextRun: text(task.next_run) || undefined,
  };
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? clean(value) : "";
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Without empty members. */
function tidy(items: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(items).filter(([, value]) => value !== undefined && value !== ""));
}
