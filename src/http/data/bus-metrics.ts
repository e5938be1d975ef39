// The metrics of messages between services, made of the figures that the broker tells each second. Its totals begin at 0
// when it is replaced, as those of any restarted process do.
import { Counter, Gauge, Histogram, type HistogramConfiguration, type Registry } from "prom-client";
import { type BusFigures, type BusState, DURATION_BOUNDS_MS, type Durations } from "../../protocol/bus-figures.ts";

export interface BusMetrics {
  /** @param bus - Undefined while nobody has needed a broker. */
  show(bus: BusState | undefined): void;
}

const QUEUE = ["event", "group"] as const;
const SIGNAL = ["topic", "publisher", "subscriber"] as const;
const QUEUE_STATES = ["ready", "in_flight", "delayed", "dead"] as const;
const OUTCOMES = ["acked", "retried", "lost", "dropped", "dead"] as const;

export function createBusMetrics(registry: Registry): BusMetrics {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name: `zcontext_${name}`, help, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name: `zcontext_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new KeptHistogram<Label>({ name: `zcontext_${name}`, help, labelNames: [...labelNames], registers });

  const up = gauge("broker_up", "1 while the broker of messages runs and can store them; absent before it is needed.");
  const memory = gauge("broker_resident_memory_bytes", "Resident memory of the broker.");
  const members = gauge("broker_members", "Programs that are connected to the broker.");
  const length = gauge("queue_length", "Events of a group by state.", [...QUEUE, "state"]);
  const listeners = gauge("queue_members", "Programs that take the events of a group.", QUEUE);
  const events = counter("events_total", "Events by outcome: each group's, and what was emitted and had no group.", [
    ...[...QUEUE, "outcome"],
  ]);
  const handling = histogram("event_handling_seconds", "From the delivery of an event to its settlement.", QUEUE);
  const open = gauge("calls_open", "Calls that wait for an instance, or for its answer.", ["state"]);
  const calls = counter("calls_total", "Calls by the code that the caller has heard; ok for a result.", [
    ...["method", "code"],
  ]);
  const signals = counter("signals_received_total", "Signals that a subscriber has received.", SIGNAL);
  const lost = counter("signals_lost_total", "Signals that a subscriber has lost, by their numbers.", SIGNAL);
  const durations = histogram("call_duration_seconds", "From a call to its outcome.", ["method"]);

  function showQueues({ queues, groups, senders, unrouted }: BusFigures): void {
    for (const queue of queues) {
      const labels = { event: queue.event, group: queue.group };
      for (const state of QUEUE_STATES) length.set({ ...labels, state }, queue[state]);
      listeners.set(labels, queue.members);
    }
    for (const { event, group, handling: durations, ...totals } of groups) {
      for (const outcome of OUTCOMES) events.inc({ event, group, outcome }, totals[outcome]);
      handling.show({ event, group }, durations);
    }
    for (const { kind, name: event, sent } of senders)
      if (kind === "event") events.inc({ event, group: "", outcome: "emitted" }, sent);
    for (const [event, count] of Object.entries(unrouted)) events.inc({ event, group: "", outcome: "unrouted" }, count);
  }

  function showCalls({ calls: { waiting, running }, methods }: BusFigures): void {
    open.set({ state: "waiting" }, waiting);
    open.set({ state: "running" }, running);
    for (const { method, codes, durations: taken } of methods) {
      for (const [code, count] of Object.entries(codes)) calls.inc({ method, code }, count);
      durations.show({ method }, taken);
    }
  }

  return {
    show(bus) {
      for (const each of [up, memory, members]) each.remove();
      for (const each of [length, listeners, events, open, calls, signals, lost]) each.reset();
      for (const each of [handling, durations]) each.clear();
      if (bus === undefined) return;
      const { figures, trouble } = bus;
      up.set(trouble === undefined ? 1 : 0);
      if (figures === undefined) return;
      memory.set(figures.memory_bytes);
      members.set(figures.members);
      showQueues(figures);
      showCalls(figures);
      for (const { received: count, lost: missing, ...labels } of figures.signals) {
        signals.inc(labels, count);
        lost.inc(labels, missing);
      }
    },
  };
}

/** A histogram that was counted elsewhere. */
class KeptHistogram<Label extends string> extends Histogram<Label> {
  readonly #about: { name: string; help: string };
  #values: { metricName: string; labels: { [name: string]: string | number }; value: number }[] = [];

  constructor(options: HistogramConfiguration<Label>) {
    super(options);
    this.#about = options;
  }

  clear(): void {
    this.#values = [];
  }

  show(labels: { [name in Label]: string }, { counts, sum_ms }: Durations): void {
    const { name } = this.#about;
    let total = 0;
    for (const [bucket, count] of counts.entries()) {
      total += count;
      const bound = DURATION_BOUNDS_MS[bucket];
      const le = bound === undefined ? "+Inf" : bound / 1_000;
      this.#values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total });
    }
    this.#values.push({ metricName: `${name}_sum`, labels, value: sum_ms / 1_000 });
    this.#values.push({ metricName: `${name}_count`, labels, value: total });
  }

  /** What the registry writes. */
  getForPromString() {
    const { name, help } = this.#about;
    return { name, help, type: "histogram", aggregator: "sum", values: this.#values };
  }
}
