// One provider per context file: it takes the place of the file, and answers on a local socket in the run folder of its
// user which file it runs, as it was at its start and as it is now, and where it is reached.
import { randomUUID } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ZcontextError } from "../errors.ts";
import type { Answer, Presence } from "./answer.ts";
import { keyOf, lookAt } from "./file-sight.ts";
import type { FileClaim, Sought } from "./kinship.ts";
import { BROKER_ENDING, listenAt } from "./listener.ts";
import { openRunFolder } from "./run-folder.ts";
import { find, seek } from "./search.ts";

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

async function assertFree(contextFile: string, sought: Sought): Promise<void> {
  const holder = await find(contextFile, sought, { isForStart: true }).catch(() => "halted" as const);
  if (holder === undefined) return;
  const other = holder === "halted" ? "another provider" : `the provider with pid ${holder.pid}`;
  throw new ZcontextError("ERR_PROVIDER_RUNNING", `${contextFile} is already run by ${other}`, {
    hint: "Control that one with conf-command, or stop it first: `conf-command --action exit --context_file <file>`.",
  });
}

async function keepOpen(paths: readonly string[]): Promise<FileHandle[]> {
  const opened = await Promise.all(paths.map((path) => open(path).catch(() => undefined)));
  return opened.filter((handle) => handle !== undefined);
}

async function release(handles: readonly FileHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}
