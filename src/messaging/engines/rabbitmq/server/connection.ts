// A connection to the server that is made anew whenever it ends. What it was used for is put in force again before it counts
// as up, so that nothing is connected and does nothing.
import { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel, Options, SocketOptions } from "amqplib";
import { type Deferred, deferred } from "../../../../deferred.ts";
import type { ZcontextError } from "../../../../errors.ts";
import type { ServerAddress } from "../../../contract/server.ts";
import { faultOf, isPermanent, unreachable, versionFault } from "./faults.ts";
import { readServerUrl } from "./server-url.ts";

/** The library that speaks with the server, which those install who use it. */
export type Client = Pick<typeof import("amqplib"), "connect">;

export interface KeptConnection {
  /** Resolves when the connection is up for the first time. Rejects where the server will never let this program in. */
  readonly up: Promise<void>;
  /** Why it can't be used now; undefined while it can. */
  readonly trouble: string | undefined;
  /** The connection, once it is there. @throws {ZcontextError} `ERR_ENGINE_UNREACHABLE` after 30 s, or when it is closed. */
  model(): Promise<ChannelModel>;
  /** Ends the present connection, so that the next one puts all in force again. */
  renew(reason: unknown): void;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  client: Client;
  address: ServerAddress;
  /** What the server shows of it, for people. */
  name: string;
  /** Puts in force what belongs to it, before it counts as up. */
  onOpen(model: ChannelModel): Promise<void>;
  onLost(error: ZcontextError): void;
}

/** The longest time that a member may be silent before the server takes back what it has is twice this. */
const HEARTBEAT_S = 15;
const HANDSHAKE_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 1_000;
export const MOST_WAIT_MS = 30_000;
/** How long the server may take to say goodbye. */
const GOODBYE_MS = 2_000;

export function keepConnection({ client, address, name, onOpen, onLost }: ConnectionOptions): KeptConnection {
  const up = deferred();
  up.promise.catch(() => {});
  const closing = new AbortController();
  let current: ChannelModel | undefined;
  let trouble: string | undefined = "not connected yet";
  let blocked: string | undefined;
  let waiting: Deferred<ChannelModel>[] = [];
  let renewal: Deferred<unknown> = deferred();
  let delayMs = FIRST_DELAY_MS;
  let attempts = 0;

  function isUp(model: ChannelModel): void {
    current = model;
    trouble = undefined;
    delayMs = FIRST_DELAY_MS;
    for (const { resolve } of waiting.splice(0)) resolve(model);
    up.resolve();
  }

  function isDown(error: ZcontextError): void {
    current = undefined;
    blocked = undefined;
    trouble = error.message;
    onLost(error);
  }

  /** From the connection to its end. */
  async function live(): Promise<unknown> {
    attempts += 1;
    const model = await open(client, address, name, attempts - 1);
    const ended = deferred<unknown>();
    let fault: unknown;
    // Without a listener an error would end the program; what follows from it is done at the end of the connection.
    model.on("error", (error) => {
      fault = error;
    });
    model.on("close", (error) => ended.resolve(fault ?? error ?? new Error("the server has closed the connection")));
    model.on("blocked", (reason) => {
      blocked = `the server takes nothing more: ${reason}`;
    });
    model.on("unblocked", () => {
      blocked = undefined;
    });
    renewal = deferred();
    if (closing.signal.aborted) renewal.resolve(closing.signal.reason);
    try {
      const isOpen = onOpen(model).then(() => true);
      isOpen.catch(() => {});
      const first = await Promise.race([isOpen, ended.promise, renewal.promise]);
      if (first !== true) return first;
      isUp(model);
      return await Promise.race([ended.promise, renewal.promise]);
    } finally {
      await sayGoodbye(model);
    }
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      const end = await live().catch((error: unknown) => error);
      const error = faultOf(end, address);
      isDown(error);
      if (isPermanent(error)) up.reject(error);
      await pause(delayMs * (1 + Math.random() / 5), undefined, { signal: closing.signal }).catch(() => {});
      delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS);
    }
  }

  const kept = keep();

  return {
    up: up.promise,
    get trouble() {
      return trouble ?? blocked;
    },
    async model() {
      if (current !== undefined) return current;
      if (closing.signal.aborted) throw unreachable("it is closed");
      const one = deferred<ChannelModel>();
      waiting.push(one);
      const timer = setTimeout(() => one.reject(unreachable(trouble ?? "not connected")), MOST_WAIT_MS);
      try {
        return await one.promise;
      } finally {
        clearTimeout(timer);
        waiting = waiting.filter((other) => other !== one);
      }
    },
    renew: (reason) => renewal.resolve(reason),
    async close() {
      const error = unreachable("it is closed");
      closing.abort(error);
      up.reject(error);
      renewal.resolve(error);
      for (const { reject } of waiting.splice(0)) reject(error);
      await kept;
    },
  };
}

/** @param attempt - Counts the attempts: each is at the next server of a cluster. */
async function open(
  { connect }: Client,
  { url, login, tls }: ServerAddress,
  name: string,
  attempt: number,
): Promise<ChannelModel> {
  const { protocol, hosts, path } = readServerUrl(url);
  const { hostname = "", port } = hosts[attempt % hosts.length] ?? {};
  const where: Options.Connect = {
    protocol,
    hostname,
    ...(port !== undefined && { port }),
    // The client decodes it.
    ...(path !== "" && { vhost: path }),
    ...(login !== undefined && "user" in login && { username: login.user, password: login.pass }),
    heartbeat: HEARTBEAT_S,
  };
  const socket: SocketOptions = { noDelay: true, timeout: HANDSHAKE_MS, clientProperties: { connection_name: name } };
  const model = await connect(where, { ...socket, ...tls });
  const stream = streamOf(model);
  if (stream !== undefined) gatherWrites(stream);
  const fault = versionFault(model.connection.serverProperties, url);
  if (fault === undefined) return model;
  model.on("error", () => {});
  await sayGoodbye(model);
  throw fault;
}

async function sayGoodbye(model: ChannelModel): Promise<void> {
  const timer = new AbortController();
  const late = pause(GOODBYE_MS, "late", { signal: timer.signal }).catch(() => "in time");
  const end = await Promise.race([model.close().catch(() => "it has ended before"), late]);
  timer.abort();
  if (end !== "late") return;
  streamOf(model)?.destroy();
}

function streamOf({ connection }: ChannelModel): Socket | undefined {
  const stream: unknown = Reflect.get(connection, "stream");
  return stream instanceof Socket ? stream : undefined;
}

/**
 * What is written in one turn leaves in one piece. The client writes each frame by itself, and a packet for each of them costs
 * as much as all the rest of a message.
 */
function gatherWrites(stream: Socket): void {
  const { write } = stream;
  let isGathering = false;
  const leave = () => {
    isGathering = false;
    stream.uncork();
  };
  Object.defineProperty(stream, "write", {
    // Node puts another function in its place when the other side has ended.
    ...{ writable: true, configurable: true },
    value(...words: unknown[]): boolean {
      if (!isGathering) {
        isGathering = true;
        stream.cork();
        process.nextTick(leave);
      }
      return Reflect.apply(write, stream, words);
    },
  });
}
