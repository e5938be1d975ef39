// Prints the figures of tasks: a table of all, and the lists that were asked for; or the same as JSON.
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { columns } from "../columns.ts";
import { answer, answerJson, mebibytes, percent } from "../print.ts";

export function printFigures(transaction: string, tasks: JsonObject[], { json }: { json?: true }): void {
  const trees = tasks.map(({ memory }) => treeOf(memory));
  const sum = sumOf(trees);
  if (json) return answerJson({ transaction, tasks, total: sum });
  const rows = tasks.map(({ service_id, serviceName, pid, memory }, index) => {
    const { status = "-", children } = isObject(memory) ? memory : {};
    return [service_id, serviceName, pid, status, ...cellsOf(trees[index] ?? {}), countOf(children)].map(String);
  });
  const all = ["all", "", "", "", ...cellsOf(sum), ""];
  answer(
    columns(
      ["TASK", "SERVICE", "PID", "STATUS", "CPU", memoryTitle(trees), "MEM", "CHILDREN"],
      rows.length > 1 ? [...rows, all] : rows,
    ),
  );
  for (const { service_id, memory } of tasks) for (const table of listsOf(String(service_id), memory)) answer(table);
}

const FIGURES = ["cpu_percent", "rss", "memory", "percent"] as const;

/** Figures of a task and all its descendants; a process that is gone has none. */
type Tree = { [figure in (typeof FIGURES)[number]]?: number } & { memory_figure?: string };

function treeOf(memory: Json | undefined): Tree {
  const whole = isObject(memory) ? memory : {};
  const figures = isObject(whole.total) ? whole.total : whole;
  const tree: Tree = {};
  for (const name of FIGURES) {
    const value = figures[name];
    if (typeof value === "number") tree[name] = value;
  }
  if (tree.rss !== undefined) tree.memory ??= tree.rss;
  if (typeof figures.memory_figure === "string") tree.memory_figure = figures.memory_figure;
  return tree;
}

/** What the memory in the table is: shared memory counts once in PSS, and in each process in RSS. */
function memoryTitle(trees: readonly Tree[]): string {
  const figures = new Set(
    trees.flatMap(({ rss, memory_figure = "rss" }) => (rss === undefined ? [] : [memory_figure])),
  );
  const [figure = "rss"] = figures;
  return figures.size > 1 || figure === "mixed" ? "PSS/RSS" : figure.toUpperCase();
}

function sumOf(trees: readonly Tree[]) {
  const sum = (name: (typeof FIGURES)[number]) => trees.reduce((total, tree) => total + (tree[name] ?? 0), 0);
  return { cpu_percent: sum("cpu_percent"), rss: sum("rss"), memory: sum("memory"), percent: sum("percent") };
}

function cellsOf({ cpu_percent: cpu, memory, percent: share }: Tree): string[] {
  if (cpu === undefined || memory === undefined || share === undefined) return ["-", "-", "-"];
  return [percent(cpu), mebibytes(memory), percent(share)];
}

function countOf(children: Json | undefined): string {
  return Array.isArray(children) ? `${children.length}` : "-";
}

/** The lists that may be asked for, and the members of an entry that are shown, by the title of their column. */
const LISTS: { list: string; title: string; columns: { [title: string]: string } }[] = [
  {
    list: "connections",
    title: "connections",
    columns: { FD: "fd", FAMILY: "family", TYPE: "type", LOCAL: "laddr", REMOTE: "raddr", STATUS: "status" },
  },
  {
    list: "opened_files",
    title: "open files",
    columns: { FD: "fd", MODE: "mode", POSITION: "position", PATH: "path" },
  },
  {
    list: "memory_map",
    title: "memory maps, in bytes",
    columns: { RSS: "rss", SIZE: "size", PSS: "pss", PATH: "path" },
  },
];

/** What Linux's numbers mean, by the member that has them. */
const WORDS: { [member: string]: { [number: number]: string } } = {
  family: { 1: "unix", 2: "IPv4", 10: "IPv6" },
  type: { 1: "TCP", 2: "UDP" },
};

function listsOf(task: string, memory: Json | undefined): string[] {
  return LISTS.flatMap(({ list, title, columns: shown }) => {
    const entries = isObject(memory) ? memory[list] : undefined;
    if (!Array.isArray(entries)) return [];
    if (entries.length === 0) return [`\n${task}: no ${title}`];
    const rows = entries.map((entry) => {
      const whole = membersOf(entry);
      return Object.values(shown).map((name) => WORDS[name]?.[Number(whole[name])] ?? textOf(whole[name]));
    });
    return [`\n${task}: ${title}`, columns(Object.keys(shown), rows)];
  });
}

/** An entry as one object: on the wire each of its members is an object of its own. */
function membersOf(entry: Json): JsonObject {
  return Object.assign({}, ...(Array.isArray(entry) ? entry.filter(isObject) : []));
}

function textOf(value: Json | undefined): string {
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(":");
  return value === undefined || value === "" ? "-" : String(value);
}
