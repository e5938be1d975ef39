// The broker process of messages as its provider sees it. Its socket is held from the beginning; the process that serves it
// starts with the first connection, so that a context without messages has none, and is then kept alive.
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { createLiveness, type Liveness } from "../liveness.ts";
import type { Cookie } from "../processes/cookie.ts";
import { BROKER_START, type BrokerStart } from "../protocol/broker-pipe.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { BUS_TOKEN, BUS_URL } from "../protocol/environment.ts";
import { makeBusFolder } from "./bus-folder.ts";
import { type BusHost, type BusProcessEvents, createBusProcess, hostOf } from "./bus-process.ts";

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

/**
 * Holds the socket of a broker.
 *
 * @throws {ZcontextError} `ERR_ENGINE_UNFIT` where the path of the socket is too long.
 */
export async function holdBroker(options: BrokerOptions, events: BusProcessEvents = {}): Promise<Broker> {
  const { runFolder, liveness = createLiveness() } = options;
  const { path, url, token } = await makeBusFolder(runFolder);
  const { storeFolder: folder, durability, endpoints, cookie } = options;
  const process = createBusProcess(
    {
      ...{ name: "the broker", entry: "#broker", cookie, liveness },
      environment: (follows) => ({
        [BROKER_START]: JSON.stringify({ url, token, durability, folder, endpoints, follows } satisfies BrokerStart),
      }),
    },
    events,
  );
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
      const pid = await process.start();
      if (isClosed) await process.close();
      else events.onStarted?.(pid);
    } catch {
      // Told as `onRetry`; the next member that comes is the next attempt.
      if (!isClosed) await listen();
    }
  }

  async function stopListening(): Promise<void> {
    if (server?.listening !== true) return;
    server.close();
    await once(server, "close");
  }

  async function end(): Promise<void> {
    isClosed = true;
    await starting;
    await stopListening();
    await process.close();
    await rm(runFolder, { recursive: true, force: true });
  }

  const environment = { [BUS_URL]: url, [BUS_TOKEN]: token };
  return Object.assign(hostOf(process, { place: { url }, environment }, end), { url, token });
}
