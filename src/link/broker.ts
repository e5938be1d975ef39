// The broker process of messages as its provider sees it. Its socket is held from the beginning; the process that serves it
// starts with the first connection, so that a context without messages has none, and is then kept alive.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { reasonOf, ZcontextError } from "../errors.ts";
import { createLiveness, type Liveness } from "../liveness.ts";
import { BROKER_RUN, COOKIE, type Cookie, writeCookie } from "../processes/cookie.ts";
import type { BusPlace } from "../protocol/bus-address.ts";
import type { BusFigures, BusState, ServiceState } from "../protocol/bus-figures.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { BUS_TOKEN, BUS_URL } from "../protocol/environment.ts";
import { shortageHint } from "../shortage.ts";
import { BROKER_START, type BrokerReport, type BrokerStart, readBrokerLine, writeBrokerLine } from "./broker-pipe.ts";
import { type Companion, type CompanionEvents, startCompanion } from "./companion.ts";

/** The process by which a provider has to do with messages: its broker, or its agent at a server. */
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

/** The broker of one provider, which is there as soon as somebody connects. */
export interface Broker extends BusHost {
  /** Where members connect. */
  readonly url: string;
  /** What they have to know. It is also in a file beside the socket, for programs of this user. */
  readonly token: string;
}

export interface BrokerOptions {
  /** A folder for its socket and its token, made for its owner alone. */
  runFolder: string;
  /** Where its store is kept. */
  storeFolder: string;
  durability: BrokerStart["durability"];
  /** Of the forwarder, for signals. */
  endpoints: Endpoints;
  cookie: Pick<Cookie, "context" | "provider">;
  liveness?: Liveness;
}

export interface BrokerEvents extends CompanionEvents {
  onStarted?(pid: number): void;
  onNote?(note: Extract<BrokerReport, { note: unknown }>["note"]): void;
}

/** The longest path of a socket, in bytes; see unix(7). */
const LONGEST_PATH = 107;
const TOKEN_BYTES = 32;
/** It tells its figures each second; after so long without them it counts as halted, in milliseconds. */
const QUIET_MS = 2_500;

/**
 * Holds the socket of a broker.
 *
 * @throws {ZcontextError} `ERR_ENGINE_UNFIT` where the path of the socket is too long.
 */
export async function holdBroker(options: BrokerOptions, events: BrokerEvents = {}): Promise<Broker> {
  const { runFolder, liveness = createLiveness() } = options;
  const path = join(runFolder, "broker");
  assertLength(path);
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  await rm(runFolder, { recursive: true, force: true });
  await mkdir(runFolder, { mode: 0o700 });
  await chmod(runFolder, 0o700);
  await writeFile(join(runFolder, "token"), `${token}\n`, { mode: 0o600 });
  const url = `ipc://${path}`;
  let states: ReadonlyMap<string, ServiceState> = new Map();
  let figures: BusFigures | undefined;
  /** When it last told them. */
  let toldMs = 0;
  let trouble: string | undefined;
  let process: Companion<true> | undefined;
  let starting: Promise<void> | undefined;
  let isClosed = false;
  let server: Server | undefined;
  await listen();

  async function listen(): Promise<void> {
    server = createServer((connection) => {
      connection.destroy();
      starting ??= start().finally(() => {
        starting = undefined;
      });
    });
    server.listen(path);
    await once(server, "listening");
    server.unref();
  }

  /** The process takes over the path. The member whose connection was closed comes back by itself. */
  async function start(): Promise<void> {
    await stopListening();
    try {
      const { storeFolder: folder, durability, endpoints, cookie } = options;
      process = await launch({ url, token, durability, folder, endpoints }, cookie);
      trouble = undefined;
      if (isClosed) await process.close();
      else events.onStarted?.(process.pid);
    } catch (error) {
      onRetry(error as ZcontextError);
      if (!isClosed) await listen();
    }
  }

  function onRetry(error: ZcontextError): void {
    trouble = error.message;
    events.onRetry?.(error);
  }

  function launch(start: Omit<BrokerStart, "follows">, cookie: BrokerOptions["cookie"]): Promise<Companion<true>> {
    return startCompanion<true>(
      {
        program: (first) => ({
          entry: "#broker",
          words: [],
          environment: {
            [BROKER_START]: JSON.stringify({ ...start, follows: first !== undefined }),
            [COOKIE]: writeCookie({ ...cookie, run: BROKER_RUN }),
          },
        }),
        readReady,
        onLine,
        greeting,
        farewell: writeBrokerLine({ leave: true }),
        failure: startError,
        liveness,
      },
      {
        ...events,
        onRetry,
        onLost(exit) {
          figures = undefined;
          trouble = "the broker is away";
          events.onLost?.(exit);
        },
        onBack(pid) {
          trouble = undefined;
          events.onBack?.(pid);
        },
      },
    ).then((companion) => {
      for (const line of greeting()) companion.say(line);
      return companion;
    });
  }

  function onLine(line: string): void {
    const report = readBrokerLine<BrokerReport>(line);
    if (report === undefined) return;
    if ("figures" in report) {
      figures = report.figures;
      toldMs = performance.now();
    }
    if ("note" in report) events.onNote?.(report.note);
  }

  const greeting = () => [...states].map(([service, state]) => writeBrokerLine({ service, state }));

  async function stopListening(): Promise<void> {
    if (server?.listening !== true) return;
    server.close();
    await once(server, "close");
  }

  return {
    url,
    token,
    place: { url },
    environment: { [BUS_URL]: url, [BUS_TOKEN]: token },
    get pid() {
      return process?.pid;
    },
    get state() {
      if (process === undefined && trouble === undefined) return undefined;
      return { figures, trouble: trouble ?? troubleOf(figures, performance.now() - toldMs) };
    },
    tell(next) {
      for (const service of new Set([...states.keys(), ...next.keys()])) {
        const state = next.get(service) ?? "gone";
        if ((states.get(service) ?? "gone") !== state) process?.say(writeBrokerLine({ service, state }));
      }
      states = next;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await starting;
      await stopListening();
      await process?.close();
      await rm(runFolder, { recursive: true, force: true });
    },
  };
}

/** Undefined where it does its work. */
function troubleOf(figures: BusFigures | undefined, silentMs: number): string | undefined {
  if (figures?.store_fault !== undefined) return `the broker can't write its store: ${figures.store_fault}`;
  return figures !== undefined && silentMs > QUIET_MS ? "the broker does not answer" : undefined;
}

function assertLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= LONGEST_PATH) return;
  throw new ZcontextError(
    "ERR_ENGINE_UNFIT",
    `${path}: the path of a socket has at most ${LONGEST_PATH} bytes, this one has ${length}`,
  );
}

/** @throws Its reason where it could not start. */
function readReady(line: string): true {
  const report = readBrokerLine<BrokerReport>(line);
  if (report !== undefined && "ready" in report) return true;
  const failed = report !== undefined && "failed" in report ? report.failed : { message: "it ended while it started" };
  throw Object.assign(new Error(failed.message), failed);
}

function startError(error: NodeJS.ErrnoException): ZcontextError {
  const hint = shortageHint(error);
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `the broker could not start: ${reasonOf(error)}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
