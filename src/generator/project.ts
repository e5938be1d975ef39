// Reads the project on disk: its folders, and the present text of the files that a plan may write. Writes nothing.
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Whereabouts } from "../config/service-list/service-list.ts";
import { reasonOf } from "../errors.ts";
import { isBelow } from "../folders.ts";
import { decodeText } from "../text.ts";
import type { Site } from "./layout.ts";
import { TargetRefusal, untouchedError } from "./target-refusal.ts";

/** Finds the folders of a description; relative ones start from `cwd`, and may not exist yet. */
export function findSite({ servicePath, homePath }: Omit<Whereabouts, "contextName">, cwd: string): Site {
  const given = resolve(cwd, servicePath);
  const [project, home] = [realPath(given), realPath(resolve(cwd, homePath))];
  return { project, given, home, folders: { services: folderOf(project, "services"), conf: folderOf(home, "conf") } };
}

/** The names of the contexts in a project, sorted. */
export function contextsOf(paths: Omit<Whereabouts, "contextName">, cwd: string): string[] {
  const { home, folders } = findSite(paths, cwd);
  const folder = join(home, folders.conf);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.flatMap((name) => /^Context-(\w+)\.xml$/.exec(name)?.[1] ?? []).sort();
}

/** The real path of what exists of a path: a link to the project is allowed, a link inside it is not. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), path.slice(parent.length));
}

/** The folder of that name, or with a capital letter, as the original has it, where only that exists. */
function folderOf(root: string, name: string): string {
  const original = name[0]?.toUpperCase() + name.slice(1);
  return existsSync(join(root, name)) || !existsSync(join(root, original)) ? name : original;
}

/**
 * The text of a file that a plan may write; undefined where there is no file.
 *
 * @throws {ZcontextError} `ERR_TARGET_REFUSED` where `readUnlessRefused` throws.
 */
export function readTarget(path: string, site: Site): string | undefined {
  try {
    return readUnlessRefused(path, site);
  } catch (error) {
    throw untouchedError(error);
  }
}

/** As `readTarget`. @throws {TargetRefusal} where a link, a folder or a special file is at the path, or a file that is not text. */
export function readUnlessRefused(path: string, { project, home }: Site): string | undefined {
  const root = isBelow(project, path) ? project : home;
  const stats = statsWithoutLinks(path, root);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw refused(path, `expected a file, got ${kindOf(stats)}`);
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    throw refused(path, reasonOf(error));
  }
}

/** What is at a path below the root; undefined where nothing is. Refuses links and files on the way. */
function statsWithoutLinks(path: string, root: string): Stats | undefined {
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

function refused(path: string, reason: string): TargetRefusal {
  return new TargetRefusal(`${path}: ${reason}`, "Move it out of the way, or write to another folder.");
}
