// What is known of the queues between services: as the broker tells its provider, and as monitor, page and metrics show it.
// Types alone. Pure.

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
}

/** The state of a broker. */
export interface BusFigures {
  queues: QueueFigures[];
  /** Programs that are connected. */
  members: number;
  calls: { waiting: number; running: number };
  /** Resident, of its process. */
  memory_bytes: number;
}
