// Finds the context that a verb is for: by its file, by the folder that keeps its state, or as the only one that runs on
// this machine. A provider need not run, and its file need not be there any more.
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { type StateFiles, stateFilesOf } from "../../src/context/journal/state-files.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { LOGS_ENDING } from "../../src/logs/files.ts";
import type { Presence } from "../../src/presence/answer.ts";
import { findPresence, findRunning } from "../../src/presence/search.ts";

/** The options that name it. */
export interface TargetOptions {
  context_file?: string;
  state_dir?: string;
}

export interface Target {
  /** Undefined where only the folder of its state is known. */
  file: string | undefined;
  /** Undefined where none runs, or it does not answer. */
  presence: Presence | undefined;
  state: StateFiles;
}

const NAME_ONE = "Name one with -f FILE, or the folder that --state-dir of its provider names.";

/** @throws {ZcontextError} `ERR_USAGE` where none or several are meant, `ERR_CONFIG_UNREADABLE`. */
export async function findTarget({ context_file: file, state_dir: dir }: TargetOptions): Promise<Target> {
  if (file !== undefined) return targetOf(file, dir);
  if (dir !== undefined) return { file: undefined, presence: undefined, state: await soleStateIn(dir) };
  const { providers, silent } = await findRunning();
  const [sole, ...others] = providers;
  if (sole !== undefined && others.length === 0 && silent === 0)
    return { ...sole, state: sole.presence.state ?? stateFilesOf(sole.file, undefined) };
  const count = providers.length + silent;
  const what = count === 0 ? "no provider of this user runs on this machine" : `${count} providers run on this machine`;
  throw new ZcontextError("ERR_USAGE", `which context? ${what}`, {
    hint: NAME_ONE,
    details: [
      ...providers.map(({ file: path, presence: { pid } }) => `${path}  pid ${pid}`),
      ...(silent > 0 ? [`${silent} that ${silent === 1 ? "does" : "do"} not answer`] : []),
    ],
  });
}

async function targetOf(file: string, dir: string | undefined): Promise<Target> {
  // A provider that is halted does not answer; what it has written can be read all the same.
  const presence = await findPresence(file).catch(() => undefined);
  try {
    const state = dir === undefined ? (presence?.state ?? stateFilesOf(file, undefined)) : stateFilesOf(file, dir);
    return { file, presence, state };
  } catch (error) {
    throw new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot find the context file ${file}: ${reasonOf(error)}`, {
      hint: NAME_ONE,
      cause: error,
    });
  }
}

/** The only context that has kept something in a folder. */
async function soleStateIn(dir: string): Promise<StateFiles> {
  const folder = resolve(dir);
  const names = await readdir(folder).catch((error: unknown) => {
    throw new ZcontextError("ERR_CONFIG_UNREADABLE", `cannot read the state folder ${dir}: ${reasonOf(error)}`, {
      hint: NAME_ONE,
      cause: error,
    });
  });
  const found = new Set(names.flatMap((name) => /^(.+)\.(?:journal|logs|provider-log)$/s.exec(name)?.[1] ?? []));
  const [sole, ...others] = [...found].sort();
  if (sole !== undefined && others.length === 0) return { folder, name: sole };
  const what = sole === undefined ? "no context has kept anything" : `${found.size} contexts have kept something`;
  throw new ZcontextError("ERR_USAGE", `which context? ${what} in ${dir}`, {
    hint: "Name the context file as well, with -f FILE.",
    details: [...found].sort().map((name) => `${name}${LOGS_ENDING}`),
  });
}
