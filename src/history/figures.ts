// The figures of a transaction as they are kept and shown; the page of the dashboard uses these types as well. Pure.
import { isObject, type Json } from "../protocol/json.ts";
import { MIB_BYTES } from "../units.ts";

/** The figures of a transaction at one moment, by task: percent of one core, and bytes, of the whole tree. */
export interface Figures {
  transaction: string;
  atMs: number;
  tasks: { readonly [task: string]: readonly [cpuPercent: number, residentBytes: number] };
}

/** `/api/history`: rows of equal length; `null` where a task had no process. */
export interface History {
  timesMs: readonly number[];
  tasks: {
    readonly [task: string]: { cpuPercent: readonly (number | null)[]; residentBytes: readonly (number | null)[] };
  };
}

/** The figures of a transaction from its entries of `monitor`, of whole trees where they are known. */
export function figuresOf(transaction: string, entries: readonly Json[], atMs: number): Figures {
  const tasks = entries.flatMap((entry) => {
    if (!isObject(entry)) return [];
    const { cpu_percent: cpu, rss, memory = rss } = isObject(entry.total) ? entry.total : entry;
    if (typeof cpu !== "number" || typeof memory !== "number") return [];
    return [[String(entry.serviceId), [Math.round(cpu * 10) / 10, Math.round(memory * MIB_BYTES)]] as const];
  });
  return { transaction, atMs, tasks: Object.fromEntries(tasks) };
}
