// Tables of tasks, and the same as JSON.
import type { CommandProgress } from "../../src/context/client/client.ts";
import type { TaskRecord } from "../../src/context/task/record.ts";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { columns } from "../columns.ts";
import { LIVING } from "../living.ts";
import { answer, answerJson, mebibytes, percent } from "../print.ts";

/** A task as tables show it. */
export type TaskRow = Pick<TaskRecord, "service_id" | "serviceName" | "lifecycle" | "pid" | "runs"> & {
  reason?: string;
};

/** What an accepted command has set going, as far as it is known before anything has happened. */
export function ordered({ orders, before }: CommandProgress): TaskRow[] {
  const soon = { define: "defined", start: "starting", restart: "stopping", stop: "stopping" } as const;
  return Object.entries(orders).map(([id, order]) => {
    const record = before.find(({ service_id }) => service_id === id);
    const isAlive = record !== undefined && LIVING.includes(record.lifecycle);
    return {
      service_id: id,
      serviceName: record?.serviceName ?? "-",
      lifecycle: order === "restart" && !isAlive ? "starting" : soon[order as keyof typeof soon],
      pid: isAlive ? record.pid : null,
      runs: record?.runs ?? 0,
    };
  });
}

export function printTasks(
  head: { transaction: string; result: string },
  records: readonly TaskRow[],
  { json }: { json?: true },
): void {
  // The pid of a process that is gone may be somebody else's by now.
  const pidOf = ({ lifecycle, pid }: TaskRow) => (LIVING.includes(lifecycle) ? pid : null);
  const tasks = records.map((record) => ({
    id: record.service_id,
    state: record.lifecycle,
    pid: pidOf(record),
    ...(record.reason === undefined ? {} : { reason: record.reason }),
  }));
  if (json) return answerJson({ ...head, tasks });
  answer(`transaction ${head.transaction || "-"}: ${head.result}`);
  if (records.length === 0) return;
  const rows = records.map((record) => [
    record.service_id,
    record.serviceName,
    record.lifecycle,
    `${pidOf(record) ?? "-"}`,
    `${record.runs}`,
    record.reason ?? "",
  ]);
  answer(columns(["TASK", "SERVICE", "STATE", "PID", "RUNS", "REASON"], rows));
}

export function printTop(transaction: string, tasks: JsonObject[], { json }: { json?: true }): void {
  const trees = tasks.map(({ memory }) => treeOf(memory as JsonObject));
  const sum = sumOf(trees);
  if (json) return answerJson({ transaction, tasks, total: sum });
  const rows = tasks.map(({ service_id, serviceName, pid, memory }, index) => {
    const { status = "-", children } = memory as JsonObject;
    return [service_id, serviceName, pid, status, ...shown(trees[index] ?? {}), childrenIn(children)].map(String);
  });
  const all = ["all", "", "", "", ...shown(sum), ""];
  answer(
    columns(
      ["TASK", "SERVICE", "PID", "STATUS", "CPU", "RSS", "MEM", "CHILDREN"],
      rows.length > 1 ? [...rows, all] : rows,
    ),
  );
  for (const { service_id, memory } of tasks) for (const table of detailsOf(String(service_id), memory)) answer(table);
}

/** What is shown of a task and all that descends from it; a process that is gone has none of it. */
interface Tree {
  cpu_percent?: number;
  rss?: number;
  percent?: number;
}

function treeOf(memory: JsonObject): Tree {
  return (isObject(memory.total) ? memory.total : memory) as Tree;
}

function sumOf(trees: readonly Tree[]): Required<Tree> {
  const sum = (name: keyof Tree) => trees.reduce((total, tree) => total + (tree[name] ?? 0), 0);
  return { cpu_percent: sum("cpu_percent"), rss: sum("rss"), percent: sum("percent") };
}

function shown({ cpu_percent: cpu, rss, percent: memory }: Tree): string[] {
  if (cpu === undefined || rss === undefined || memory === undefined) return ["-", "-", "-"];
  return [percent(cpu), mebibytes(rss), percent(memory)];
}

function childrenIn(children: Json | undefined): string {
  return Array.isArray(children) ? `${children.length}` : "-";
}

/** The lists of a `top` that may be asked for, and what is shown of each of their entries. */
const DETAILS: { list: string; what: string; columns: { [title: string]: string } }[] = [
  {
    list: "connections",
    what: "connections",
    columns: { FD: "fd", FAMILY: "family", TYPE: "type", LOCAL: "laddr", REMOTE: "raddr", STATUS: "status" },
  },
  { list: "opened_files", what: "open files", columns: { FD: "fd", MODE: "mode", POSITION: "position", PATH: "path" } },
  {
    list: "memory_map",
    what: "memory maps, in bytes",
    columns: { RSS: "rss", SIZE: "size", PSS: "pss", PATH: "path" },
  },
];

/** The numbers of Linux for what a socket is. */
const NAMES: { [member: string]: { [number: number]: string } } = {
  family: { 1: "unix", 2: "IPv4", 10: "IPv6" },
  type: { 1: "TCP", 2: "UDP" },
};

function detailsOf(task: string, memory: Json | undefined): string[] {
  return DETAILS.flatMap(({ list, what, columns: shown }) => {
    const entries = isObject(memory) ? memory[list] : undefined;
    if (!Array.isArray(entries)) return [];
    if (entries.length === 0) return [`\n${task}: no ${what}`];
    // The wire has each member of an entry in an object of its own.
    const rows = entries.map((entry) => {
      const whole: JsonObject = Object.assign({}, ...(entry as JsonObject[]));
      return Object.values(shown).map((name) => NAMES[name]?.[Number(whole[name])] ?? textOf(whole[name]));
    });
    return [`\n${task}: ${what}`, columns(Object.keys(shown), rows)];
  });
}

function textOf(value: Json | undefined): string {
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(":");
  return value === undefined || value === "" ? "-" : String(value);
}
