// The process by which a provider has to do with messages, the broker or the agent at a server: what it is told of services,
// what it tells of itself, and that it is kept alive. The two speak over a pipe, described in src/protocol/broker-pipe.ts.
import { reasonOf, ZcontextError } from "../errors.ts";
import type { Liveness } from "../liveness.ts";
import { BROKER_RUN, COOKIE, type Cookie, writeCookie } from "../processes/cookie.ts";
import { type BrokerReport, readBrokerLine, writeBrokerLine } from "../protocol/broker-pipe.ts";
import type { BusPlace } from "../protocol/bus-address.ts";
import type { BusFigures, BusState, ServiceState } from "../protocol/bus-figures.ts";
import { shortageHint } from "../shortage.ts";
import { type Companion, type CompanionEvents, startCompanion } from "./companion.ts";

/** What a provider sees of it. */
export interface BusHost extends AsyncDisposable {
  /** Where programs connect, as it may be printed. */
  readonly place: BusPlace;
  /** For each task: where it connects, and what lets it in. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the present process; undefined while nobody has needed one. */
  readonly pid: number | undefined;
  /** Undefined while nobody has needed it. */
  readonly state: BusState | undefined;
  /** Tells it what becomes of services; one that is not named any more is gone. */
  tell(states: ReadonlyMap<string, ServiceState>): void;
}

export interface BusProcessEvents extends CompanionEvents {
  onStarted?(pid: number): void;
  onNote?(note: Extract<BrokerReport, { note: unknown }>["note"]): void;
}

export interface BusProcessOptions {
  /** What it is called in messages: `the broker`. */
  name: string;
  /** Of the package's `imports`. */
  entry: string;
  /** What the process is told at its start; it `follows` one that has ended. */
  environment(follows: boolean): Record<string, string>;
  cookie: Pick<Cookie, "context" | "provider">;
  liveness: Liveness;
}

export interface BusProcess extends Pick<BusHost, "pid" | "state" | "tell"> {
  /** @returns Its pid. Rejects where it can't start, and that is its trouble then. */
  start(): Promise<number>;
  close(): Promise<void>;
}

/** It tells its figures each second; after so long without them it counts as halted, in milliseconds. */
const QUIET_MS = 2_500;

export function createBusProcess(options: BusProcessOptions, events: BusProcessEvents = {}): BusProcess {
  const { name, entry, environment, cookie, liveness } = options;
  let states: ReadonlyMap<string, ServiceState> = new Map();
  let figures: BusFigures | undefined;
  /** When it last told them. */
  let toldMs = 0;
  /** Why there is no process, or why the server can't be reached that it is at. */
  let trouble: string | undefined;
  let away: string | undefined;
  let companion: Companion<true> | undefined;
  const greeting = () => [
    ...[...states].map(([service, state]) => writeBrokerLine({ service, state })),
    writeBrokerLine({ told: true }),
  ];

  function onRetry(error: ZcontextError): void {
    trouble = error.message;
    events.onRetry?.(error);
  }

  function onLine(line: string): void {
    const report = readBrokerLine<BrokerReport>(line);
    if (report === undefined) return;
    if ("figures" in report || "away" in report) {
      figures = "figures" in report ? report.figures : undefined;
      away = "away" in report ? report.away : undefined;
      toldMs = performance.now();
    }
    if ("note" in report) events.onNote?.(report.note);
  }

  async function start(): Promise<number> {
    try {
      companion = await startCompanion<true>(
        {
          program: (first) => ({
            entry,
            words: [],
            environment: {
              ...environment(first !== undefined),
              [COOKIE]: writeCookie({ ...cookie, run: BROKER_RUN }),
            },
          }),
          readReady,
          onLine,
          greeting,
          farewell: writeBrokerLine({ leave: true }),
          failure: (error) => startError(name, error),
          liveness,
        },
        {
          ...events,
          onRetry,
          onLost(exit) {
            figures = undefined;
            away = undefined;
            trouble = `${name} is away`;
            events.onLost?.(exit);
          },
          onBack(pid) {
            trouble = undefined;
            events.onBack?.(pid);
          },
        },
      );
      for (const line of greeting()) companion.say(line);
      trouble = undefined;
      return companion.pid;
    } catch (error) {
      onRetry(error as ZcontextError);
      throw error;
    }
  }

  return {
    start,
    get pid() {
      return companion?.pid;
    },
    get state() {
      if (companion === undefined && trouble === undefined) return undefined;
      return { figures, trouble: trouble ?? away ?? troubleOf(name, figures, performance.now() - toldMs) };
    },
    tell(next) {
      for (const service of new Set([...states.keys(), ...next.keys()])) {
        const state = next.get(service) ?? "gone";
        if ((states.get(service) ?? "gone") !== state) companion?.say(writeBrokerLine({ service, state }));
      }
      states = next;
    },
    async close() {
      await companion?.close();
    },
  };
}

/** What a provider sees of a process. @param end - Ends it with all that it has. */
export function hostOf(
  process: BusProcess,
  { place, environment }: Pick<BusHost, "place" | "environment">,
  end: () => Promise<void>,
): BusHost {
  return {
    place,
    environment,
    get pid() {
      return process.pid;
    },
    get state() {
      return process.state;
    },
    tell: process.tell,
    [Symbol.asyncDispose]: end,
  };
}

/** Undefined where it does its work. */
function troubleOf(name: string, figures: BusFigures | undefined, silentMs: number): string | undefined {
  if (figures?.store_fault !== undefined) return `${name} can't write its store: ${figures.store_fault}`;
  return figures !== undefined && silentMs > QUIET_MS ? `${name} does not answer` : undefined;
}

/** @throws Its reason where it could not start. */
function readReady(line: string): true {
  const report = readBrokerLine<BrokerReport>(line);
  if (report !== undefined && "ready" in report) return true;
  const failed = report !== undefined && "failed" in report ? report.failed : { message: "it ended while it started" };
  throw Object.assign(new Error(failed.message), failed);
}

function startError(name: string, error: NodeJS.ErrnoException): ZcontextError {
  const hint = shortageHint(error);
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `${name} could not start: ${reasonOf(error)}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
