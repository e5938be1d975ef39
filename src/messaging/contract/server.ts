// What an engine is told that speaks with a server beyond this machine. Types alone. Pure.
import type { BusFigures, ServiceState } from "../../protocol/bus-figures.ts";
import type { Engine } from "./engine.ts";

/** Where a server is, and what lets a program in. */
export interface ServerAddress {
  /** Without credentials, so that it can be printed. */
  url: string;
  /** By name and password, by token, or by what a credentials file of NATS says. */
  login?: { user: string; pass: string } | { token: string } | { credentials: string };
  /** PEM. `ca` are all authorities that are trusted; without it, those of the system. */
  tls?: { ca?: string; cert?: string; key?: string };
}

/** @public What engines on servers are connected with. */
export interface ServerEngineOptions {
  address: ServerAddress;
  /** `context/service/instance`. */
  src: string;
  /** How messages look to programs of another kind: `twyla` or `igz`. */
  dialect?: string;
}

/** An engine that is connecting. What is asked of it waits for the server, within a bound. */
export interface ConnectingEngine extends Engine {
  /** Resolves when the server first answers. Rejects with `ERR_ENGINE_REFUSED` or `ERR_ENGINE_UNFIT`. */
  readonly up: Promise<unknown>;
}

/** An engine on a server, where no broker of ours knows what supervisors know. */
export interface ServerEngine extends ConnectingEngine {
  /** Says what becomes of services of this machine, so that a call to one that starts waits for it. Replaces what was said. */
  tell(states: ReadonlyMap<string, ServiceState>): void;
  /** Of all members, from the first time on that somebody asks. */
  figures(): Promise<Omit<BusFigures, "memory_bytes">>;
}
