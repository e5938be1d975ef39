// Connects an EventBus: finds the engine's URL and what lets this program in, then waits until it is there.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ZcontextError } from "../errors.ts";
import { findPresence } from "../presence/search.ts";
import { createProcessTable } from "../processes/table.ts";
import {
  type BusPlace,
  type BusUrl,
  exposureOf,
  readBusUrl,
  readStoreUrl,
  type ServerBus,
} from "../protocol/bus-address.ts";
import { BUS_CLAIM_STORE, BUS_DIALECT, BUS_TOKEN, BUS_URL } from "../protocol/environment.ts";
import type { BusOptions } from "./bus-types.ts";
import type { MessageStorage } from "./claims/claim-check.ts";
import { createFileStorage } from "./claims/file-storage.ts";
import type { ConnectingEngine, ServerEngine } from "./contract/server.ts";
import { connectZeromq } from "./engines/zeromq/zeromq-engine.ts";
import { openRedisStorage } from "./servers/open-redis-storage.ts";
import { engineAddress } from "./servers/server-access.ts";
import { connectServer } from "./servers/server-engines.ts";

export interface ConnectOptions {
  /**
   * Of the engine, as `context-bus url` prints it; credentials in it are taken out before anything is printed. Default: the
   * variable ZCONTEXT_BUS_URL.
   */
  url?: string;
  /** Of a context on this machine whose provider runs, in place of a URL. */
  contextFile?: string;
  /** What lets a program in. Default: the variable ZCONTEXT_BUS_TOKEN, or the file beside the socket. */
  token?: string;
  /** How messages look to programs of another kind. Default: the variable ZCONTEXT_BUS_DIALECT. */
  dialect?: string | undefined;
  /** The URL of the store of messages above 1 MiB that pass a server. Default: the variable ZCONTEXT_BUS_CLAIM_STORE. */
  claimStore?: string | undefined;
  /** `context/service/instance`, which messages name as their sender. Default: the name and pid of this program. */
  src?: string;
  /** How long to wait for the engine, in milliseconds. Default 10_000. */
  timeoutMs?: number;
  /** Whether this may be a further bus of this program. Default false: one bus carries all that a program says. */
  another?: boolean;
  storage?: MessageStorage;
  onHandlerError?: BusOptions["onHandlerError"];
}

const TIMEOUT_MS = 10_000;

/** Where an engine is, and how messages look there. */
interface Place {
  bus: BusUrl;
  dialect: string | undefined;
  /** The URL of a store of large bodies. The embedded engine has its own. */
  claimStore: string | undefined;
}

/**
 * Connects an EventBus, and resolves when the engine is there.
 *
 * @throws {ZcontextError} `ERR_USAGE` without an address, `ERR_PROVIDER_UNREACHABLE` where no provider runs the context file,
 *   `ERR_ENGINE_MISSING` for an engine that is not known or not installed, `ERR_ENVIRONMENT_INVALID` for variables that can't
 *   be used, `ERR_ENGINE_UNREACHABLE` when it is not there in time, `ERR_ENGINE_REFUSED` when it does not let this program in.
 */
export async function connectEngine(options: ConnectOptions = {}): Promise<BusOptions> {
  const { timeoutMs = TIMEOUT_MS, src = `/${process.title}/${process.pid}`, onHandlerError } = options;
  const place = await placeOf(options);
  const { engine, storage, release } = await open(place, { src, token: options.token });
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(unreachable(place.bus, timeoutMs, engine.trouble)), timeoutMs);
    engine.up.catch(() => {}).finally(() => clearTimeout(timer));
  });
  try {
    await Promise.race([engine.up, late]);
  } catch (error) {
    await engine.close();
    await release?.();
    throw error;
  }
  const kept = options.storage ?? storage;
  return {
    engine,
    src,
    ...(kept && { storage: kept }),
    ...(release && { release }),
    ...(onHandlerError && { onHandlerError }),
  };
}

/** The URL that options or the environment name, as it may be printed. @throws As `connectEngine`. */
export async function engineUrl(options: ConnectOptions): Promise<string> {
  return (await placeOf(options)).bus.url;
}

async function placeOf(options: ConnectOptions): Promise<Place> {
  const { contextFile, url = process.env[BUS_URL] } = options;
  const found: { [name in keyof BusPlace]?: BusPlace[name] | undefined } =
    contextFile === undefined ? { url } : await busOf(contextFile);
  if (found.url === undefined || found.url === "")
    throw new ZcontextError("ERR_USAGE", "no engine is named", {
      hint: `Give url or contextFile, or set ${BUS_URL}; tasks of a context have it.`,
    });
  return {
    bus: readBusUrl(found.url),
    dialect: options.dialect ?? found.dialect ?? given(BUS_DIALECT),
    claimStore: options.claimStore ?? withLogin(found.claimStore) ?? given(BUS_CLAIM_STORE),
  };
}

function given(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** A provider names its claim store without the credentials that the environment may have for it. */
function withLogin(claimStore: string | undefined): string | undefined {
  const own = given(BUS_CLAIM_STORE);
  return own !== undefined && claimStore === readStoreUrl(own).url ? own : claimStore;
}

interface Opened {
  engine: ConnectingEngine;
  /** Where it keeps large bodies. */
  storage?: MessageStorage;
  /** Closes what is open beside the engine. */
  release?(): Promise<void>;
}

/** Starts to connect. */
async function open(place: Place, { src, token }: { src: string; token: string | undefined }): Promise<Opened> {
  const { bus, dialect, claimStore } = place;
  if (bus.engine === "zeromq") return openEmbedded(bus.url, { src, token });
  const storage = claimStore === undefined ? undefined : await openRedisStorage(claimStore);
  const engine = await openServer({ bus, dialect }, src);
  return { engine, ...(storage && { storage, release: storage.close }) };
}

async function openServer({ bus, dialect }: { bus: ServerBus; dialect: string | undefined }, src: string) {
  const address = await engineAddress(bus);
  if (exposureOf(bus, address.login !== undefined) === "open")
    process.emitWarning(`${bus.url}: messages travel unencrypted to another machine`, "ZcontextWarning");
  return connectServer(bus.engine, { address, src, ...(dialect && { dialect }) });
}

/** Starts to connect to the server that the environment names. @throws {ZcontextError} As `connectEngine`. */
export async function connectAgent(src: string): Promise<ServerEngine> {
  const { bus, dialect } = await placeOf({});
  if (bus.engine !== "zeromq") return openServer({ bus, dialect }, src);
  throw new ZcontextError("ERR_USAGE", `${bus.url}: expected a server`);
}

async function openEmbedded(url: string, { src, token }: { src: string; token: string | undefined }): Promise<Opened> {
  const startTicks = createProcessTable().find(process.pid)?.startTicks;
  const engine = connectZeromq({
    ...{ url, token: token ?? (await tokenFor(url)), src },
    ...(startTicks !== undefined && { process: { pid: process.pid, startTicks } }),
  });
  return { engine, storage: sharedStorage(engine.up) };
}

async function busOf(contextFile: string): Promise<BusPlace> {
  const presence = await findPresence(contextFile);
  if (presence?.bus !== undefined) return presence.bus;
  const why = presence === undefined ? "no provider runs it" : "its provider has no engine for messages";
  throw new ZcontextError("ERR_PROVIDER_UNREACHABLE", `${contextFile}: ${why}`, {
    hint: `Start it: \`service-context ${contextFile} --start\`.`,
  });
}

/** Of the environment, where that is for the same broker; else the file beside the socket. */
async function tokenFor(url: string): Promise<string> {
  const { [BUS_URL]: own, [BUS_TOKEN]: token } = process.env;
  if (token !== undefined && own === url) return token;
  const path = join(folderOf(url), "token");
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (isAbsent(error)) throw absent(url);
    throw new ZcontextError("ERR_ENGINE_REFUSED", `the token of ${url} can't be read from ${path}`, {
      hint: "It is readable for the user who runs the provider; give it as token, or run as that user.",
      cause: error,
    });
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function absent(url: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `no broker is at ${url}`, {
    hint: "Its provider has ended. `context-bus url --context_file <file>` prints the address of one that runs.",
  });
}

function folderOf(url: string): string {
  return dirname(url.replace(/^[a-z]+:\/\//i, ""));
}

/** All members of a broker share the bodies of large messages, in a folder that it names. */
function sharedStorage(up: Promise<{ claims?: string | undefined }>): MessageStorage {
  const folder = up.then(({ claims }) => createFileStorage(claims ?? ""));
  folder.catch(() => {});
  return {
    storeMessage: async (body, ttlMs) => (await folder).storeMessage(body, ttlMs),
    recoverMessage: async (token) => (await folder).recoverMessage(token),
  };
}

function unreachable({ engine, url }: BusUrl, timeoutMs: number, trouble = "no answer"): ZcontextError {
  const hint =
    engine === "zeromq"
      ? "Is the context's provider running? `conf-command --action request` shows it."
      : "Is the server running, and is that its address?";
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `${url}: ${trouble}, after ${timeoutMs} ms`, { hint });
}
