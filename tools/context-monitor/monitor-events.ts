// What a frame of the bus says to somebody who watches. Anybody can speak on the bus: every shape is looked at,
// every text is cleaned, and what can't be read says nothing. Pure.
import type { Frame } from "../../src/protocol/codec.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { CONTEXT_NAME } from "../../src/protocol/message.ts";
import { clean, itemsText } from "./text.ts";

/** Figures of a task whose process runs. */
export interface Sample {
  id: string;
  state: string;
  runs: number | undefined;
  pid: number | undefined;
  /** Of the whole tree, in percent of a core and in MiB. */
  cpu: number | undefined;
  rss: number | undefined;
  uptimeS: number | undefined;
  /** All figures as they came. */
  figures: JsonObject;
}

/** A task as the provider has it, whether it runs or not. */
export interface Known {
  id: string;
  service: string;
  instance: string;
  state: string;
  runs: number | undefined;
  pid: number | undefined;
  action: string;
  reason: string | undefined;
}

/** What a provider takes itself, its forwarder included: percent of a core, and MiB. */
export interface Cost {
  cpu: number;
  rss: number;
}

export type News =
  | Summed
  | { kind: "sampled"; transaction: string; samples: readonly Sample[] }
  | { kind: "known"; transaction: string; contextId: string; tasks: readonly Known[]; isAnswer: boolean }
  /** These run, and no others. */
  | { kind: "running"; transactions: readonly string[] }
  | Announced
  | Moved
  | { kind: "ended"; transaction: string };

/** The sum of each transaction that runs, and what the provider takes itself. */
export interface Summed {
  kind: "summed";
  sums: ReadonlyMap<string, JsonObject>;
  cost: Cost | undefined;
  /** Of what the cost is made, as it came: `provider`, `sampling` and `forwarder`. */
  costParts: JsonObject;
}

/** Something a task has said, or the provider about it or its transaction. */
export interface Announced {
  kind: "announced";
  transaction: string;
  task: string;
  service: string | undefined;
  action: string;
  result: string;
  items: JsonObject;
}

/** A step of a task from one state to another. */
export interface Moved {
  kind: "moved";
  transaction: string;
  task: string;
  contextId: string;
  from: string;
  to: string;
  event: string;
  cause: string | undefined;
  run: number | undefined;
  pid: number | undefined;
  restarts: number | undefined;
  time: string;
}

/** The topics that tell something. */
export const TOPICS = ["overview", "monitor", "control", "transition", "state"] as const;

/** What a frame tells. */
export function newsIn({ topic, body }: Frame): News[] {
  if (!isObject(body)) return [];
  switch (topic) {
    case "monitor":
      return Object.entries(body).map(([id, entries]) => ({
        kind: "sampled",
        transaction: clean(id),
        samples: objects(entries).flatMap(sampleOf),
      }));
    case "overview":
      return [sumsIn(body)];
    case "transition":
      return stepOf(body);
    case "control":
      return saidIn(body);
    case "state":
      return repliedIn(body);
    default:
      return [];
  }
}

/** What has become of a task, in a line. */
export function wordsOf(news: Announced | Moved): string {
  if (news.kind === "moved") {
    const { to, event, cause } = news;
    // How a process has ended says enough, and more than the state it leads to.
    return event === "exit" && cause !== undefined ? cause : `${to}: ${cause ?? event}`;
  }
  const { action, result, items } = news;
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
          rss: number(total.rss),
          uptimeS: number(entry.uptime_s),
          figures: entry,
        },
      ];
}

function sumsIn({ transactions, ...about }: JsonObject): Summed {
  const sums = isObject(transactions) ? Object.entries(transactions) : [];
  const costParts = Object.fromEntries(
    ["provider", "sampling", "forwarder"].flatMap((name) => (isObject(about[name]) ? [[name, about[name]]] : [])),
  );
  return {
    kind: "summed",
    sums: new Map(sums.flatMap(([id, sum]) => (isObject(sum) ? [[clean(id), sum]] : []))),
    cost: costOf([costParts.provider, costParts.forwarder]),
    costParts,
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

function stepOf(body: JsonObject): News[] {
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

function saidIn({ header, content }: JsonObject): News[] {
  if (!isObject(header) || !isObject(content) || !isObject(content.status)) return [];
  const { result, device_action: deviceAction, ...items } = content.status;
  const transaction = text(header.service_transaction);
  const action = text(header.action);
  const isContext = header.service_name === CONTEXT_NAME;
  if (isContext && deviceAction === "context_info") return objects(items.data).flatMap(knownIn);
  if (isContext && action === "ended") return [{ kind: "ended", transaction }];
  // Of the provider's own words, some are about a task.
  const { task = header.service_id, ...rest } = isContext ? items : { task: header.service_id, ...items };
  const service = isContext ? undefined : text(header.service_name);
  return [
    { kind: "announced", transaction, task: text(task), service, action, result: text(result), items: tidy(rest) },
  ];
}

function repliedIn({ header, content }: JsonObject): News[] {
  if (!isObject(header) || header.action !== "reply_context" || !isObject(content)) return [];
  const transaction = text(header.service_transaction);
  if (Array.isArray(content.tasks)) return [knownOf(transaction, content, true)];
  const running = isObject(content.error) ? content.error.running : undefined;
  return Array.isArray(running) ? [{ kind: "running", transactions: running.map(text) }] : [];
}

function knownIn(data: JsonObject): News[] {
  return Object.entries(data).flatMap(([id, record]) => (isObject(record) ? [knownOf(clean(id), record, false)] : []));
}

function knownOf(transaction: string, record: JsonObject, isAnswer: boolean): News {
  const tasks = objects(record.tasks).flatMap((task) => {
    const id = text(task.service_id);
    return id === "" ? [] : [taskOf(id, task)];
  });
  return { kind: "known", transaction, contextId: text(record.contextId), tasks, isAnswer };
}

function taskOf(id: string, task: JsonObject): Known {
  return {
    id,
    service: text(task.serviceName),
    instance: text(task.instance),
    // The original has no lifecycle; what was last said is as near as it gets.
    state: text(task.lifecycle) || text(task.action),
    runs: number(task.runs),
    pid: number(task.pid),
    action: text(task.action),
    reason: text(task.reason) || undefined,
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
