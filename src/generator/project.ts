// The project as it is on disk: its folders, and what the files to be written hold now. Writes nothing.
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Whereabouts } from "../config/service-list/service-list.ts";
import { reasonOf, ZcontextError } from "../errors.ts";
import { isBelow } from "../folders.ts";
import { decodeText } from "../text.ts";
import type { Site } from "./layout.ts";

/** Finds the folders of a description; relative ones start from `cwd`, and need not be there yet. */
export function findSite({ servicePath, homePath }: Omit<Whereabouts, "contextName">, cwd: string): Site {
  const given = resolve(cwd, servicePath);
  const [project, home] = [realPath(given), realPath(resolve(cwd, homePath))];
  return { project, given, home, folders: { services: folderOf(project, "services"), conf: folderOf(home, "conf") } };
}

/** The names of the contexts that a project has, in their order. */
export function contextsOf(paths: Omit<Whereabouts, "contextName">, cwd: string): string[] {
  const { home, folders } = findSite(paths, cwd);
  const folder = join(home, folders.conf);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => /^Context-(\w+)\.xml$/.exec(name)?.[1] ?? []).sort();
}

/** As far as it is there: a link to the project is fine, one inside it is not. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), path.slice(parent.length));
}

/** The original begins its folders with a capital letter. */
function folderOf(root: string, name: string): string {
  const original = name[0]?.toUpperCase() + name.slice(1);
  return existsSync(join(root, name)) || !existsSync(join(root, original)) ? name : original;
}

/**
 * The text of a file that may be written to; nothing where there is none.
 *
 * @throws {ZcontextError} `ERR_TARGET_REFUSED` where a link, a folder or another strange thing is in the way, or where
 *   what is there is no text.
 */
export function readTarget(path: string, { project, home }: Site): string | undefined {
  const root = isBelow(project, path) ? project : home;
  const stats = followPlainly(path, root);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw refused(path, `expected a file, got ${kindOf(stats)}`);
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    throw refused(path, reasonOf(error));
  }
}

/** What is at the end of a path below the root, when there is something and no link on the way. */
function followPlainly(path: string, root: string): Stats | undefined {
  let here = root;
  let stats = statsOf(here);
  for (const name of relative(root, path).split(sep)) {
    if (stats === undefined) return undefined;
    if (!stats.isDirectory()) throw refused(here, `expected a folder, got ${kindOf(stats)}`);
    here = join(here, name);
    stats = statsOf(here);
    if (stats?.isSymbolicLink()) throw refused(here, "nothing is written through a symbolic link");
  }
  return stats;
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw refused(path, reasonOf(error));
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  return stats.isFile() ? "a file" : "something else";
}

function refused(path: string, reason: string): ZcontextError {
  return new ZcontextError("ERR_TARGET_REFUSED", `${path}: ${reason}; nothing was written`, {
    hint: "Move it out of the way, or write to another folder.",
  });
}
