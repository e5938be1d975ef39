// What travels on the pipe between a provider and its broker process, or its agent at a server, one line of JSON each. Both ends are this package,
// started together, so the lines are not validated field by field. Pure.
import type { BusFigures, ServiceState } from "./bus-figures.ts";
import type { Endpoints } from "./endpoints.ts";

/** What the process is told at its start, in its environment. */
export interface BrokerStart {
  /** Where members connect. */
  url: string;
  /** What they have to know. */
  token: string;
  durability: "memory" | "file" | "sync";
  /** Where the store is kept. */
  folder: string;
  /** Of the forwarder, for signals. */
  endpoints: Endpoints;
  /** It takes the place of one that has ended, whose members come back. */
  follows: boolean;
}

/** What an agent is told at its start, beside the variables that every task has. */
export interface AgentStart {
  /** `context/service/instance`. */
  src: string;
  /** Where programs connect that speak the protocol of a broker alone, and what they have to know. */
  gateway: { url: string; token: string };
}

/** From the provider: what becomes of a service, that each has been told as it stands now, or an end in order. */
export type BrokerOrder = { service: string; state: ServiceState } | { told: true } | { leave: true };

/** From the broker: whether it has started, and then its figures each second, which are its heartbeats. */
export type BrokerReport =
  | { ready: true }
  | { failed: { code?: string | undefined; message: string } }
  | { figures: BusFigures }
  /** In place of the figures: why the server can't be reached. */
  | { away: string }
  /** Something that its log should have. */
  | { note: { level: "info" | "warn" | "error"; phrase: string; fields: Record<string, unknown> } };

/** The environment variable with the `BrokerStart`. */
export const BROKER_START = "ZCONTEXT_BROKER_START";
/** And that with the `AgentStart`. */
export const AGENT_START = "ZCONTEXT_AGENT_START";

export function writeBrokerLine(line: BrokerOrder | BrokerReport): string {
  return `${JSON.stringify(line)}\n`;
}

/** Undefined for half a line, which is what a process leaves that is killed while it writes. */
export function readBrokerLine<Line extends BrokerOrder | BrokerReport>(line: string): Line | undefined {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
