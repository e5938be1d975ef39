// The installed services of a provider, in the folder `hub` of its state folder: their files, and the list of what is in force.
//
//   current.json                  what runs; replaced as a whole once a new version is ready
//   candidate.json                what is on trial; gone once it is in force or rolled back
//   services/<name>/<folder>/     the files of a version
//   node_modules/zcontext         a link to the package of this node, which services import
//   staging/                      what is being downloaded and unpacked
//   audit.ndjson                  each step
//
// A process that is killed leaves `current.json` as it was before, so that the last good version comes back by itself.
import { chmod, mkdir, open, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { syncFolder, writeFlushed } from "../../flushed-file.ts";
import { lockFile } from "../../launch/process/file-lock.ts";
import { anyObject, count, id, listOf, object, optional, read, type Schema, text } from "../../protocol/schema.ts";
import type { SeenManifest } from "./admission.ts";
import type { InstalledService, InstalledVersion } from "./plan.ts";

/** What `current.json` holds. */
export interface StoreState {
  /** The last manifest that was taken. */
  seen?: SeenManifest | undefined;
  services: readonly InstalledService[];
}

/** How many characters of the hash are in the name of a version's folder. */
const HASH_CHARACTERS = 12;

const VERSION = { version: id, sha256: text, entry: id, config: anyObject };
const STATE: Schema<StoreState> = object({
  seen: optional(object({ catalogVersion: count, sha256: text })),
  services: listOf(
    object({ ...VERSION, name: id, previous: optional(object(VERSION)) }) as Schema<InstalledService>,
    "a list of services",
  ),
});

/** The folder of installed services in a state folder. */
export function storeFolderOf(stateDir: string): string {
  return join(stateDir, "hub");
}

/** The folder of a version's files. */
export function folderOf(store: string, name: string, { version, sha256 }: InstalledVersion): string {
  return join(store, "services", name, `${version}-${sha256.slice(0, HASH_CHARACTERS)}`);
}

/**
 * What is installed.
 *
 * @throws {ZcontextError} `ERR_INSTALL_MANIFEST` where the list can't be read.
 */
export async function readCurrent(store: string): Promise<StoreState> {
  return (await readList(join(store, "current.json"))) ?? { services: [] };
}

/** What is on trial; undefined where nothing is. @throws {ZcontextError} As `readCurrent` does. */
export async function readCandidate(store: string): Promise<StoreState | undefined> {
  return readList(join(store, "candidate.json"));
}

async function readList(path: string): Promise<StoreState | undefined> {
  let textOf: string;
  try {
    textOf = await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw broken(path, reasonOf(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(textOf);
  } catch (error) {
    throw broken(path, reasonOf(error));
  }
  const { value: state, misfit } = read(STATE, value);
  if (misfit !== undefined) throw broken(path, `${misfit.field}: expected ${misfit.expected}`);
  return state;
}

export interface Store extends AsyncDisposable {
  readonly folder: string;
  read(): Promise<StoreState>;
  /** Writes what is on trial; nothing is in force by that. */
  propose(state: StoreState): Promise<void>;
  /** Puts what is on trial in force. */
  accept(): Promise<void>;
  /** Forgets what is on trial. */
  withdraw(): Promise<void>;
  /** Notes what counts besides a trial. */
  write(state: StoreState): Promise<void>;
  /** A new and empty folder for what is not whole yet. */
  stage(name: string): Promise<string>;
  /** Gives the files of a staged version their place. */
  place(staged: string, name: string, version: InstalledVersion): Promise<void>;
  /** Removes the files of every version that the list does not name. */
  prune(): Promise<void>;
  audit(event: AuditEvent): Promise<void>;
}

/** A line of `audit.ndjson`, without its time. */
export interface AuditEvent {
  step: string;
  service?: string;
  version?: string;
  /** Of a refusal. */
  code?: string;
  detail?: string;
  catalogVersion?: number;
}

/**
 * Opens the store for changes, and removes what an interrupted installation has left.
 *
 * @throws {ZcontextError} `ERR_STATE_UNWRITABLE` where another process changes it, or nobody can.
 */
export async function openStore(folder: string): Promise<Store> {
  await mkdir(join(folder, "services"), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unwritable(folder, reasonOf(error));
  });
  const outcome = await lockFile(join(folder, "lock"));
  if (!("lock" in outcome))
    throw unwritable(folder, "heldBy" in outcome ? `${outcome.heldBy} is changing it` : outcome.fault);
  const at = (name: string) => join(folder, name);
  const staging = at("staging");
  let staged = 0;

  async function audit(event: AuditEvent): Promise<void> {
    const file = await open(at("audit.ndjson"), "a", 0o600);
    try {
      await file.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { mode: 0o700 });
  await linkPackage(at("node_modules"));
  if ((await readCandidate(folder).catch(() => "unreadable")) !== undefined) {
    await rm(at("candidate.json"), { force: true });
    await audit({ step: "interrupted", detail: "a trial was cut off; the versions before are in force" });
  }

  return {
    folder,
    read: () => readCurrent(folder),
    propose: (state) => writeWhole(at("candidate.json"), state),
    async accept() {
      await rename(at("candidate.json"), at("current.json"));
      await syncName(at("current.json"));
    },
    withdraw: () => rm(at("candidate.json"), { force: true }),
    write: (state) => writeWhole(at("current.json"), state),
    async stage(name) {
      staged += 1;
      const path = join(staging, `${staged}-${name}`);
      await mkdir(path, { mode: 0o700 });
      return path;
    },
    async place(from, name, version) {
      const target = folderOf(folder, name, version);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      // Of an earlier trial, or damaged since: what was just checked takes its place.
      await rm(target, { recursive: true, force: true });
      await rename(from, target);
      await syncName(target);
    },
    async prune() {
      const { services } = await readCurrent(folder);
      const kept = new Set(
        services.flatMap((service) =>
          [service, service.previous].flatMap((version) =>
            version === undefined ? [] : [folderOf(folder, service.name, version)],
          ),
        ),
      );
      for (const name of await readdir(at("services"))) {
        const versions = (await readdir(join(at("services"), name))).map((one) => join(at("services"), name, one));
        const gone = versions.filter((path) => !kept.has(path));
        for (const path of gone) await rm(path, { recursive: true, force: true });
        if (gone.length === versions.length) await rm(join(at("services"), name), { recursive: true, force: true });
      }
    },
    audit,
    async [Symbol.asyncDispose]() {
      await rm(staging, { recursive: true, force: true });
      await outcome.lock[Symbol.asyncDispose]();
    },
  };
}

/** Services import `zcontext/tasks` of the node, wherever its state folder is. */
async function linkPackage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = dirname(createRequire(import.meta.url).resolve("zcontext/package.json"));
  await rm(join(folder, "zcontext"), { force: true });
  await symlink(own, join(folder, "zcontext"));
}

async function writeWhole(path: string, state: StoreState): Promise<void> {
  const unfinished = `${path}.tmp`;
  await writeFlushed(unfinished, `${JSON.stringify(state, undefined, 2)}\n`);
  await chmod(unfinished, 0o600);
  await rename(unfinished, path);
  await syncName(path);
}

// There are file systems whose folders can't be flushed.
async function syncName(path: string): Promise<void> {
  await syncFolder(dirname(path)).catch(() => {});
}

function broken(path: string, problem: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_MANIFEST", `${path}: ${problem}`, {
    hint: "Remove it: what the hub has is installed again.",
  });
}

function unwritable(folder: string, problem: string): ZcontextError {
  return new ZcontextError("ERR_STATE_UNWRITABLE", `cannot change the installed services in ${folder}: ${problem}`);
}
