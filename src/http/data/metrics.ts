// The metrics for Prometheus. Names end in their unit, and in _total where they only count up. The series of a task exist
// while its transaction is shown, so that they don't pile up.
import { constants } from "node:os";
import { Counter, Gauge, Registry } from "prom-client";
import type { BusState } from "../../protocol/bus-figures.ts";
import { isObject, type Json, type JsonObject, ownMember } from "../../protocol/json.ts";
import { TASK_STATES } from "../../protocol/task-state.ts";
import { MIB_BYTES } from "../../units.ts";
import type { TaskSnapshot, TransactionSnapshot } from "../contract/api.ts";
import { createBusMetrics } from "./bus-metrics.ts";
import { createStreamMetrics } from "./stream-metrics.ts";

/** What the metrics are made of at a scrape. */
export interface Measured {
  context: string;
  version: string;
  transactions: readonly TransactionSnapshot[];
  /** The last overview. */
  overview: JsonObject;
  /** The last entries of `monitor` of a transaction. */
  entriesOf(transaction: string): readonly Json[];
  inputFaults: { readonly [kind: string]: number };
  isForwarderThere: boolean;
  /** Undefined while nobody has needed a broker. */
  bus: BusState | undefined;
  isHealthy: boolean;
  listeners: number;
  drops: number;
  /** Lines of tasks that could not be kept. */
  logsDropped: number;
  provider: ProviderFigures;
}

/** Of the provider's own process. */
export interface ProviderFigures {
  cpuSeconds: number;
  residentBytes: number;
  /** Since the epoch. */
  startSeconds: number;
}

export interface Metrics {
  readonly contentType: string;
  transition(task: string, to: string): void;
  triggered(task: string, event: string): void;
  output(task: string, stream: string): void;
  text(): Promise<string>;
}

const TASK = ["transaction", "task"] as const;
/** How many task ids the counters know. A peer may bring ever new ones; the others count as `other`. */
const MAX_TASKS = 1_000;

/** A figure of a task: its member in an entry of `monitor`, and what to multiply it by. */
const FIGURES = [
  {
    name: "cpu_ratio",
    help: "CPU of all its processes since the sample before, in cores.",
    from: "cpu_percent",
    by: 0.01,
  },
  {
    name: "memory_bytes",
    help: "Memory of all its processes: proportional, or resident where that can't be read.",
    from: "memory",
    by: MIB_BYTES,
  },
  {
    name: "resident_memory_bytes",
    help: "Resident memory of all its processes; shared memory counts in each.",
    from: "rss",
    by: MIB_BYTES,
  },
  { name: "virtual_memory_bytes", help: "Virtual memory of all its processes.", from: "vms", by: MIB_BYTES },
  {
    name: "proportional_memory_bytes",
    help: "Memory, shared memory divided among its processes.",
    from: "pss",
    by: MIB_BYTES,
  },
  { name: "unique_memory_bytes", help: "Memory that is not shared.", from: "uss", by: MIB_BYTES },
  { name: "threads", help: "Threads of all its processes.", from: "threads", by: 1 },
  { name: "open_fds", help: "Open files of all its processes.", from: "fds", by: 1 },
] as const;

/** What the provider takes beside its own process: the member of the overview, and what to multiply it by. */
const COSTS = [
  {
    name: "sampling_cpu_ratio",
    help: "CPU of the provider for sampling, in cores.",
    member: "sampling",
    from: "cpu_percent",
    by: 0.01,
  },
  {
    name: "sampling_duration_seconds",
    help: "How long the last sample took.",
    member: "sampling",
    from: "elapsed",
    by: 1,
  },
  {
    name: "event_loop_delay_seconds",
    help: "How late the provider's event loop was.",
    member: "provider",
    from: "loop_delay_ms",
    by: 0.001,
  },
  {
    name: "forwarder_cpu_ratio",
    help: "CPU of the forwarder, in cores.",
    member: "forwarder",
    from: "cpu_percent",
    by: 0.01,
  },
  {
    name: "forwarder_resident_memory_bytes",
    help: "Resident memory of the forwarder.",
    member: "forwarder",
    from: "rss",
    by: MIB_BYTES,
  },
  {
    name: "broker_cpu_ratio",
    help: "CPU of the broker, in cores.",
    member: "broker",
    from: "cpu_percent",
    by: 0.01,
  },
] as const;

export function createMetrics(measure: () => Measured): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const ids = new Set<string>();
  let now: Measured;

  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name: `zcontext_${name}`, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name: `zcontext_${name}`, help, labelNames, registers });

  const info = gauge("info", "Which context, by which version; always 1.", ["context", "version"]);
  const healthy = gauge("healthy", "1 while /_health is OK.");
  const forwarder = gauge("forwarder_up", "1 while the forwarder runs.");
  const open = gauge("transactions", "Transactions that are open.");
  const inState = gauge("tasks", "Tasks of all transactions by state.", ["state"]);
  const state = gauge("task_state", "1 for the state that a task is in.", [...TASK, "state"]);
  const processes = gauge("task_processes", "Processes of a task.", TASK);
  const startTime = gauge("task_start_time_seconds", "When its process was started, since the epoch.", TASK);
  const runs = counter("task_runs_total", "Runs of a task within its transaction.", TASK);
  const exitCode = gauge("task_exit_code", "How its last process ended; 128 and its number for a signal.", TASK);
  const cpu = counter("task_cpu_seconds_total", "CPU time of its first process.", [...TASK, "mode"]);
  const figures = FIGURES.map((figure) => ({ ...figure, gauge: gauge(`task_${figure.name}`, figure.help, TASK) }));
  const transitions = counter("transitions_total", "Transitions of tasks by the state they led to.", ["task", "to"]);
  const triggers = counter("triggers_fired_total", "Triggers that have fired.", ["task", "event"]);
  const lines = counter("output_lines_total", "Lines that tasks have printed.", ["task", "stream"]);
  const logsDropped = counter("logs_dropped_total", "Lines of tasks that are missing in the logs.");
  const inputFaults = counter("input_faults_total", "Unusable input by kind.", ["kind"]);
  const used = counter("transaction_cpu_seconds_total", "CPU time of all its processes since it began.", [
    "transaction",
  ]);
  const costs = COSTS.map((cost) => ({ ...cost, gauge: gauge(cost.name, cost.help) }));
  const listeners = gauge("http_listeners", "Clients that listen to events, pages included.");
  const bus = createBusMetrics(registry);
  const streams = createStreamMetrics(registry, TASK);
  const drops = counter("http_backlog_drops_total", "Times that a listener was too slow and its events were dropped.");

  // The standard names of process metrics. The default collectors of prom-client would add a timer.
  const process = {
    cpu: new Counter({ name: "process_cpu_seconds_total", help: "CPU time of the provider.", registers }),
    memory: new Gauge({ name: "process_resident_memory_bytes", help: "Resident memory of the provider.", registers }),
    start: new Gauge({ name: "process_start_time_seconds", help: "When the provider was started.", registers }),
  };

  function show(): void {
    const { transactions, provider } = now;
    process.cpu.reset();
    process.cpu.inc(provider.cpuSeconds);
    process.memory.set(provider.residentBytes);
    process.start.set(provider.startSeconds);
    info.reset();
    info.set({ context: now.context, version: now.version }, 1);
    healthy.set(now.isHealthy ? 1 : 0);
    forwarder.set(now.isForwarderThere ? 1 : 0);
    open.set(transactions.filter(({ endedAt }) => endedAt === undefined).length);
    listeners.set(now.listeners);
    drops.reset();
    drops.inc(now.drops);
    logsDropped.reset();
    logsDropped.inc(now.logsDropped);
    inputFaults.reset();
    for (const [kind, count] of Object.entries(now.inputFaults)) inputFaults.inc({ kind }, count);
    for (const each of [state, processes, startTime, runs, exitCode, cpu, ...figures.map(({ gauge }) => gauge)])
      each.reset();
    streams.clear();
    showOverview();
    bus.show(now.bus);
    for (const word of TASK_STATES) inState.set({ state: word }, 0);
    for (const { id: transaction, tasks } of transactions) {
      for (const task of tasks) {
        inState.inc({ state: task.state });
        state.set({ transaction, task: task.id, state: task.state }, 1);
        runs.inc({ transaction, task: task.id }, task.runs);
        streams.add({ transaction, task: task.id }, task.streams ?? []);
        const code = exitCodeOf(task);
        if (code !== undefined) exitCode.set({ transaction, task: task.id }, code);
      }
      const alive = new Set(tasks.filter(({ pid }) => pid !== null).map(({ id }) => id));
      for (const entry of now.entriesOf(transaction)) {
        if (isObject(entry) && alive.has(String(entry.serviceId)))
          showEntry({ transaction, task: String(entry.serviceId) }, entry);
      }
    }
  }

  function showOverview(): void {
    const { overview, transactions } = now;
    for (const { gauge, member, from, by } of costs) {
      const value = figureIn(overview[member], from);
      if (value === undefined) gauge.remove();
      else gauge.set(value * by);
    }
    used.reset();
    const sums = isObject(overview.transactions) ? overview.transactions : {};
    for (const { id: transaction } of transactions) {
      const seconds = figureIn(ownMember(sums, transaction), "cpu_s");
      if (seconds !== undefined) used.inc({ transaction }, seconds);
    }
  }

  function showEntry(labels: { transaction: string; task: string }, entry: JsonObject): void {
    const total = isObject(entry.total) ? entry.total : entry;
    for (const { gauge, from, by } of figures) {
      const value = from === "memory" ? (total.memory ?? total.rss) : total[from];
      if (typeof value === "number") gauge.set(labels, value * by);
    }
    if (typeof entry.create_time === "number") startTime.set(labels, entry.create_time);
    if (Array.isArray(entry.children)) processes.set(labels, 1 + entry.children.length);
    if (!isObject(entry.cpu_times)) return;
    for (const [mode, seconds] of Object.entries(entry.cpu_times))
      if (typeof seconds === "number") cpu.inc({ ...labels, mode }, seconds);
  }

  function known(task: string): string {
    if (!ids.has(task) && ids.size >= MAX_TASKS) return "other";
    ids.add(task);
    return task;
  }

  return {
    contentType: registry.contentType,
    transition: (task, to) => transitions.inc({ task: known(task), to }),
    triggered: (task, event) => triggers.inc({ task: known(task), event }),
    output: (task, stream) => lines.inc({ task: known(task), stream }),
    // Registry.metrics() collects one metric after the other; measured once, they are all of one moment.
    text() {
      now = measure();
      show();
      return registry.metrics();
    },
  };
}

// As shells have it.
function exitCodeOf({ lastEnd }: TaskSnapshot): number | undefined {
  if (lastEnd?.signal === undefined) return lastEnd?.code;
  const number = constants.signals[lastEnd.signal as NodeJS.Signals];
  return number === undefined ? undefined : 128 + number;
}

function figureIn(member: Json | undefined, name: string): number | undefined {
  const value = isObject(member) ? member[name] : undefined;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
