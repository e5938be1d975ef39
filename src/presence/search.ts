// Finds the provider of a context file: asks all providers of this machine whose word counts, and holds the file that each
// claims to run against the one that is sought.
import { readlinkSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ZcontextError } from "../errors.ts";
import { ask, type Presence } from "./answer.ts";
import { keyOf, lookAt, pathAsGiven } from "./file-sight.ts";
import { type FileClaim, kinshipOf, type Sought } from "./kinship.ts";
import { BROKER_ENDING } from "./listener.ts";
import { findRunFolders, ownUid, type RunFolder } from "./run-folder.ts";

/**
 * The provider that runs a context file on this machine; undefined when there is none. The file itself need not be there
 * any more.
 *
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when there is one, and it does not answer.
 */
export async function findPresence(contextFile: string): Promise<Presence | undefined> {
  return find(contextFile, await seek(contextFile), { isForStart: false });
}

/** A provider of this machine, and the file that it claims to run. */
export interface RunningProvider {
  presence: Presence;
  file: string;
}

/** The providers of this user that run on this machine, and how many there are that do not answer. */
export async function findRunning(): Promise<{ providers: RunningProvider[]; silent: number }> {
  const own = (await findRunFolders()).filter(({ uid }) => uid === ownUid());
  let silent = 0;
  const sockets = (await socketsIn(own)).filter(({ key }) => !key.endsWith(BROKER_ENDING));
  const asking = sockets.map(async ({ path }) => {
    const answer = await ask(path, path).catch(() => {
      silent += 1;
    });
    return answer === undefined ? [] : [{ presence: answer.presence, file: answer.claim.path }];
  });
  const providers = (await Promise.all(asking)).flat();
  return { providers: providers.sort((one, other) => (one.file < other.file ? -1 : 1)), silent };
}

/** Whether a provider that claims this runs a context file, however it was reached. */
export async function runsFile(claim: FileClaim, contextFile: string): Promise<boolean> {
  return kinshipOf(claim, await seek(contextFile)) !== "none";
}

/** What is known of a context file that a provider is sought for. */
export async function seek(contextFile: string): Promise<Sought> {
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

/**
 * @param isForStart - Whether only the word of those counts that this user trusts.
 * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when there is one, and it does not answer.
 */
export async function find(
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

/** The users whose word counts: this one, root, and the owners of the file and of its folder. */
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
  let second: Presence | undefined;
  let halted: ZcontextError | undefined;
  const asking = (await socketsIn(folders)).map(async ({ key, path }) => {
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

async function socketsIn(folders: readonly RunFolder[]): Promise<{ key: string; path: string }[]> {
  const found = folders.map(async ({ path }) =>
    (await readdir(path).catch(() => [])).map((key) => ({ key, path: join(path, key) })),
  );
  return (await Promise.all(found)).flat();
}

/** The first value that comes; undefined once all have come without one. */
async function firstOf<T>(coming: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  const found = coming.map(async (each) => (await each) ?? Promise.reject(new Error("none")));
  return Promise.any(found).catch(() => undefined);
}
