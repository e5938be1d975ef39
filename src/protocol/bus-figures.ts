// What is known of the queues between services: as the broker tells its provider, and as monitor, page and metrics show it.
// Types and bounds. Pure.

/** What a provider knows of a service: one that is starting is worth waiting for. */
export type ServiceState = "starting" | "running" | "gone";

/** The state of one group's queue. */
export interface QueueFigures {
  event: string;
  group: string;
  ready: number;
  in_flight: number;
  delayed: number;
  dead: number;
  members: number;
  rate_per_s: number;
  /** How the engine keeps its events, where it says so of each queue. */
  stored?: "memory" | "file" | "replicated";
  /** For so long nothing was settled, though events wait and members are there. Absent while that is nothing unusual. */
  stalled_s?: number;
}

/** The longest durations of each bucket of a histogram, in milliseconds; a last bucket has all that is longer. */
export const DURATION_BOUNDS_MS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000] as const;

/** How long something has taken. */
export interface Durations {
  /** How many fell into each bucket, one more than there are bounds. */
  counts: number[];
  sum_ms: number;
}

/** What has become of the events of a group, since the broker started. */
export interface GroupTotals {
  event: string;
  group: string;
  acked: number;
  /** Given back by their handler, to be tried again. */
  retried: number;
  /** Taken back from a member that has ended or fallen silent. */
  lost: number;
  dropped: number;
  dead: number;
  /** From the delivery of an event to its settlement. */
  handling: Durations;
  /** The services that listen now. */
  services: string[];
}

/** What has become of the calls of a method, since the broker started. */
export interface MethodTotals {
  /** `service.method`, or `other`. */
  method: string;
  /** How often the caller heard each code; `ok` for a result. */
  codes: { [code: string]: number };
  /** From the call to its outcome. */
  durations: Durations;
  /** The services that serve it now. */
  services: string[];
}

/** What subscribers have said of signals, since the broker started. Signals don't pass it. */
export interface SignalTotals {
  topic: string;
  /** The services at both ends. */
  publisher: string;
  subscriber: string;
  received: number;
  lost: number;
}

/** What a service has sent, since the broker started. */
export interface SenderTotals {
  kind: "event" | "call";
  /** Of the event, or `service.method`; `other` for all names above a bound. */
  name: string;
  service: string;
  sent: number;
}

/** The state of a broker. Its totals begin at 0 when it is replaced. */
export interface BusFigures {
  /** The first 1,000, and of the same groups the totals. */
  queues: QueueFigures[];
  groups: GroupTotals[];
  /** At most 1,000, and one `other`; the same for `senders`, `signals` and `unrouted`. */
  methods: MethodTotals[];
  senders: SenderTotals[];
  signals: SignalTotals[];
  /** How many events of each name were given up, since no group had ever listened to them. */
  unrouted: { [event: string]: number };
  /** Programs that are connected. */
  members: number;
  calls: { waiting: number; running: number };
  /** Why the store can't be written; absent while it can. */
  store_fault?: string;
  /** Resident, of its process. */
  memory_bytes: number;
}

/** What a provider knows of its broker. */
export interface BusState {
  /** Undefined while it is away. */
  figures: BusFigures | undefined;
  /** Why messages don't get through; undefined where they do. */
  trouble: string | undefined;
}
