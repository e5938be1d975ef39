// One provider per context file, and a way to find it. A provider listens on a local socket in the run folder of its
// user, and answers there which file it runs, as it was at its start and as it is now, and where it is reached. A search
// for the provider of a file asks all of them.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { lstatSync, readlinkSync } from "node:fs";
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { createServer, type Server, Socket } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { KeptTask } from "../config/kept.ts";
import { ZcontextError } from "../errors.ts";
import type { BusPlace } from "../protocol/bus-address.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import {
  text as anyText,
  count,
  id,
  listOf,
  type ObjectSchema,
  type Output,
  object,
  optional,
  read,
} from "../protocol/schema.ts";
import { keyOf, lookAt, pathAsGiven } from "./file-sight.ts";
import { FILE_CLAIM, type FileClaim, kinshipOf, type Sought } from "./kinship.ts";
import { findRunFolders, openRunFolder, ownUid, type RunFolder } from "./run-folder.ts";

/** What a provider says about itself. */
export interface Presence {
  /** Of this one provider process: a pid may come again, and each container counts its own. */
  instance: string;
  pid: number;
  contextId: string;
  /** Where peers connect; absent while it is still starting. */
  endpoints?: Endpoints | undefined;
  /** Where the engine of its messages is reached by this machine's programs. */
  bus?: BusPlace | undefined;
  /** The tasks of its file as it has read them. */
  tasks?: readonly KeptTask[] | undefined;
  /** Which tasks it restarts together, as its file had it. */
  strategy?: string | undefined;
}

const PRESENCE: ObjectSchema<Presence> = object({
  instance: id,
  pid: count,
  contextId: anyText,
  endpoints: optional(object({ publish: anyText, subscribe: anyText })),
  bus: optional(object({ url: anyText, dialect: optional(anyText), claimStore: optional(anyText) })),
  tasks: optional(listOf(object({ id, command: anyText, supervision: anyText }), "a list of tasks")),
  strategy: optional(anyText),
});
const ANSWER = object({ presence: PRESENCE, claim: FILE_CLAIM });
type Answer = Output<typeof ANSWER>;

export interface HeldPresence extends AsyncDisposable {
  readonly instance: string;
  /** Stands for the context file: the same for each provider of it, and for no other file. */
  readonly key: string;
  /** For the socket of its broker; undefined where there is no place for one. */
  readonly brokerFolder: string | undefined;
  /** Whether commands can find the provider by its file. */
  readonly isFindable: boolean;
  /** Which file it runs, as that stands now. */
  claim(): Promise<FileClaim>;
  update(presence: Omit<Presence, "instance">): void;
}

/** How long a provider may take to say who it is, in milliseconds. */
const ANSWER_MS = 1_000;
/** How often the socket is looked for, which others may clear away, in milliseconds. */
const LOOK_MS = 2_000;
/** A socket that nobody listens on any more is removed once it is so old, in milliseconds. */
const STALE_MS = 60_000;
/** Of the folder in which a provider's broker has its socket. */
const BROKER_ENDING = ".bus";

/**
 * Takes the place of the one provider of a context file.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_RUNNING` naming the pid of the provider that has it.
 */
export async function holdPresence(contextFile: string, first: Omit<Presence, "instance">): Promise<HeldPresence> {
  const sought = await seek(contextFile);
  await assertFree(contextFile, sought);
  const { path, sight, mounts } = sought;
  const instance = randomUUID();
  const key = keyOf(sight.names.at(-1) ?? path);
  let presence: Presence = { instance, ...first };
  const claim = async (): Promise<FileClaim> => ({ path, first: sight, now: await lookAt(path), mounts });
  const answer = async (): Promise<Answer> => ({ presence, claim: await claim() });
  // An open folder keeps its inode, and so does a file: no later one can be taken for it.
  const kept = await keepOpen([dirname(path), path]);
  const folder = await openRunFolder();
  try {
    const listener = folder && (await listenAt(join(folder, key), answer, () => assertFree(contextFile, sought)));
    return {
      ...{ instance, key },
      brokerFolder: folder && join(folder, `${key}${BROKER_ENDING}`),
      isFindable: listener !== undefined,
      claim,
      update(next) {
        presence = { instance, ...next };
      },
      async [Symbol.asyncDispose]() {
        await (listener || undefined)?.[Symbol.asyncDispose]();
        await release(kept);
      },
    };
  } catch (error) {
    await release(kept);
    throw error;
  }
}

/**
 * The provider that runs a context file on this machine; undefined when there is none. The file itself need not be there
 * any more.
 *
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when there is one, and it does not answer.
 */
export async function findPresence(contextFile: string): Promise<Presence | undefined> {
  return find(contextFile, await seek(contextFile), { isForStart: false });
}

/** Whether a provider that claims this runs a context file, however it was reached. */
export async function runsFile(claim: FileClaim, contextFile: string): Promise<boolean> {
  return kinshipOf(claim, await seek(contextFile)) !== "none";
}

// --- finding -----------------------------------------------------------------------------------------------------------

async function seek(contextFile: string): Promise<Sought> {
  const path = await pathAsGiven(contextFile);
  return { path, sight: await lookAt(path), mounts: ownMounts() };
}

/** The mount namespace; empty where the system has none. */
function ownMounts(): string {
  try {
    return readlinkSync("/proc/self/ns/mnt");
  } catch {
    return "";
  }
}

async function assertFree(contextFile: string, sought: Sought): Promise<void> {
  const holder = await find(contextFile, sought, { isForStart: true }).catch(() => "halted" as const);
  if (holder === undefined) return;
  const who = holder === "halted" ? "another provider" : `the provider with pid ${holder.pid}`;
  throw new ZcontextError("ERR_PROVIDER_RUNNING", `${contextFile} is already run by ${who}`, {
    hint: "Control that one with conf-command, or stop it first: `conf-command --action exit --context_file <file>`.",
  });
}

async function find(
  contextFile: string,
  sought: Sought,
  { isForStart }: { isForStart: boolean },
): Promise<Presence | undefined> {
  const folders = await findRunFolders();
  const trusted = await usersOf(sought.path);
  const [own, others] = [true, false].map((isTrusted) => folders.filter(({ uid }) => trusted.has(uid) === isTrusted));
  const found = await findIn(own ?? [], contextFile, sought);
  // Any user can claim to run a file. Only root, who may look after all users, takes the word of a stranger.
  if (found !== undefined || isForStart || ownUid() !== 0) return found;
  return findIn(others ?? [], contextFile, sought);
}

/** Those whose word counts: this user, root, and whom the file or its folder belongs to. */
async function usersOf(path: string): Promise<ReadonlySet<number>> {
  const owners = await Promise.all([path, dirname(path)].map((each) => stat(each).catch(() => undefined)));
  return new Set([ownUid(), 0, ...owners.flatMap((found) => (found === undefined ? [] : [found.uid]))]);
}

async function findIn(
  folders: readonly RunFolder[],
  contextFile: string,
  sought: Sought,
): Promise<Presence | undefined> {
  const keys = new Set(sought.sight.names.map(keyOf));
  const sockets = await Promise.all(
    folders.map(async ({ path }) =>
      (await readdir(path).catch(() => [])).map((key) => ({ key, path: join(path, key) })),
    ),
  );
  let second: Presence | undefined;
  let halted: ZcontextError | undefined;
  const asking = sockets.flat().map(async ({ key, path }) => {
    try {
      const { presence, claim } = (await ask(path, contextFile)) ?? {};
      const kinship = claim === undefined ? "none" : kinshipOf(claim, sought);
      if (kinship === "same path") return presence;
      if (kinship === "same file") second ??= presence;
    } catch (error) {
      if (error instanceof ZcontextError && keys.has(key)) halted = error;
    }
    return undefined;
  });
  const first = await firstOf(asking);
  if (first !== undefined) return first;
  if (second === undefined && halted !== undefined) throw halted;
  return second;
}

/** The first value that comes; undefined once all have come without one. */
async function firstOf<T>(coming: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  const found = coming.map(async (each) => (await each) ?? Promise.reject(new Error("none")));
  return Promise.any(found).catch(() => undefined);
}

/**
 * What a provider answers; undefined where nobody listens.
 *
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT`.
 */
async function ask(path: string, contextFile: string): Promise<Answer | undefined> {
  const socket = new Socket();
  try {
    socket.connect(path);
    await once(socket, "connect");
  } catch (error) {
    // A full queue of connections that are not accepted: the socket has a holder.
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") throw unanswered(contextFile);
    return undefined;
  }
  // A provider that is halted or too busy holds the socket all the same.
  socket.setTimeout(ANSWER_MS, () => socket.destroy(unanswered(contextFile)));
  try {
    return readAnswer(await text(socket));
  } catch (error) {
    throw error instanceof ZcontextError ? error : hungUp(contextFile, error);
  } finally {
    socket.destroy();
  }
}

// A provider without descriptors, or one that is killed while it answers, sends nothing or half an answer.
function readAnswer(answer: string): Answer {
  const { value, misfit } = read(ANSWER, JSON.parse(answer));
  if (misfit === undefined) return value;
  throw new TypeError(`expected ${misfit.expected} in ${misfit.field || "the answer"}`);
}

function unanswered(contextFile: string): ZcontextError {
  return new ZcontextError(
    "ERR_REQUEST_TIMEOUT",
    `the provider of ${contextFile} does not answer within ${ANSWER_MS / 1_000} s`,
    {
      hint: "It is halted or overloaded; look at its log.",
    },
  );
}

function hungUp(contextFile: string, cause: unknown): ZcontextError {
  return new ZcontextError("ERR_REQUEST_TIMEOUT", `the provider of ${contextFile} does not answer: it has hung up`, {
    hint: "It has no file descriptors left, or has just ended; look at its log.",
    cause,
  });
}

// --- holding -----------------------------------------------------------------------------------------------------------

/** Answers on a socket for as long as it is held, also after somebody has cleared it away. */
async function listenAt(
  path: string,
  answer: () => Promise<Answer>,
  assertNobodys: () => Promise<void>,
): Promise<AsyncDisposable> {
  await removeStale(dirname(path));
  let server = await bind(path, answer).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    // Its holder has come meanwhile, or was killed: a socket file outlives its process.
    await assertNobodys();
    await rm(path, { force: true });
    return bind(path, answer);
  });
  let mending: Promise<void> | undefined;
  const looks = setInterval(() => {
    if (inodeOf(path) !== undefined) return;
    mending ??= mend().finally(() => {
      mending = undefined;
    });
  }, LOOK_MS).unref();

  // Fails as long as there is no folder for it; the next look tries again.
  async function mend(): Promise<void> {
    if ((await openRunFolder()) !== dirname(path)) return;
    await close(server);
    const next = await bind(path, answer).catch(() => undefined);
    server = next ?? server;
  }

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(looks);
      await mending;
      await close(server);
    },
  };
}

async function bind(path: string, answer: () => Promise<Answer>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    answer().then(
      (said) => socket.end(JSON.stringify(said), () => socket.destroy()),
      () => socket.destroy(),
    );
  });
  // Other users may ask as well.
  server.listen({ path, readableAll: true, writableAll: true });
  await once(server, "listening");
  return server.unref();
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, "close");
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Removes what killed providers have left. One that was removed by mistake comes back by itself. */
async function removeStale(folder: string): Promise<void> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined || Date.now() - found.mtimeMs < STALE_MS) return;
      // The folder of a broker belongs to the provider with the socket of the same name.
      const socket = path.endsWith(BROKER_ENDING) ? path.slice(0, -BROKER_ENDING.length) : path;
      const isHeld = await ask(socket, socket).catch(() => true);
      if (isHeld === undefined) await rm(path, { recursive: true, force: true });
    }),
  );
}

async function keepOpen(paths: readonly string[]): Promise<FileHandle[]> {
  const opened = await Promise.all(paths.map((path) => open(path).catch(() => undefined)));
  return opened.filter((handle) => handle !== undefined);
}

async function release(handles: readonly FileHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}
