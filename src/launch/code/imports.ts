// Notes what decides where an import leads, for the record of a compiled module: every place that is looked at before the
// one that is found, and every package.json and tsconfig.json that has a say. It notes too much rather than too little:
// what is noted in vain costs one needless compilation at most.
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { createPathsMatcher, parseTsconfig, type TsConfigJsonResolved } from "get-tsconfig";
import type { Observation } from "./origin.ts";

export interface ImportNotes {
  /** A file becomes part of the module. */
  loaded(file: string): void;
  /** A specifier is about to be resolved for a file in this folder. */
  imported(specifier: string, folder: string): void;
  /** A specifier has led to this file. */
  found(file: string): void;
  /** An import with a pattern, such as `./plugins/*.ts`, has been resolved for a file in this folder. */
  matched(pattern: string, folder: string): void;
  /** The compiler options that hold in a folder. */
  compilerOptionsIn(folder: string): TsConfigJsonResolved["compilerOptions"];
}

interface Tsconfig {
  options: TsConfigJsonResolved["compilerOptions"];
  /** Where its `paths` and `baseUrl` lead a specifier. */
  candidatesFor(specifier: string): string[];
}

const NO_TSCONFIG: Tsconfig = { options: {}, candidatesFor: () => [] };
const TSCONFIGS = ["tsconfig.json", "jsconfig.json"];

export function noteImports(observation: Observation): ImportNotes {
  const tsconfigs = new Map<string, Tsconfig>();

  function lookFor(target: string): void {
    observation.look(target);
    if (!isFolder(target)) return;
    observation.has(join(target, "package.json"));
    observation.look(join(target, "index"));
  }

  function lookInPackages(specifier: string, folder: string): void {
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
    for (const ancestor of ancestorsOf(folder)) {
      const modules = join(ancestor, "node_modules");
      lookFor(join(modules, name));
      if (name !== specifier) lookFor(join(modules, specifier));
    }
  }

  function tsconfigOf(folder: string): Tsconfig {
    const known = tsconfigs.get(folder) ?? findTsconfig(folder);
    tsconfigs.set(folder, known);
    return known;
  }

  function findTsconfig(folder: string): Tsconfig {
    for (const ancestor of ancestorsOf(folder)) {
      const present = TSCONFIGS.map((name) => join(ancestor, name)).filter((path) => observation.has(path));
      for (const path of present) noteBases(path, new Set());
      if (present[0] !== undefined) return readTsconfig(present[0]);
    }
    return NO_TSCONFIG;
  }

  // The files that a tsconfig.json extends, also those that it would if they were there.
  function noteBases(path: string, seen: Set<string>): void {
    if (seen.has(path) || !observation.has(path)) return;
    seen.add(path);
    const folder = dirname(path);
    for (const base of basesIn(readFileSync(path, "utf8")))
      for (const candidate of baseCandidates(base, folder)) noteBases(candidate, seen);
  }

  function baseCandidates(base: string, folder: string): string[] {
    const withEnding = (stem: string) => [stem, `${stem}.json`, join(stem, "tsconfig.json")];
    if (base.startsWith(".") || isAbsolute(base)) return withEnding(resolve(folder, base));
    lookInPackages(base, folder);
    const installed = ancestorsOf(folder).flatMap((ancestor) => withEnding(join(ancestor, "node_modules", base)));
    return [...installed, ...exportedFile(base, folder)];
  }

  return {
    loaded(file) {
      observation.look(file);
      tsconfigOf(dirname(file));
      ancestorsOf(dirname(file)).some((ancestor) => observation.has(join(ancestor, "package.json")));
    },
    imported(specifier, folder) {
      if (/^\.{0,2}(?:\/|$)/.test(specifier)) return lookFor(resolve(folder, specifier));
      for (const candidate of tsconfigOf(folder).candidatesFor(specifier)) lookFor(candidate);
      if (!specifier.startsWith("#")) lookInPackages(specifier, folder);
    },
    found: observation.look,
    matched(pattern, folder) {
      const [fixed = ""] = pattern.split("*");
      observation.lookBelow(resolve(folder, fixed.slice(0, fixed.lastIndexOf("/") + 1)));
    },
    compilerOptionsIn: (folder) => tsconfigOf(folder).options,
  };
}

function readTsconfig(path: string): Tsconfig {
  try {
    const config = parseTsconfig(path);
    const matcher = createPathsMatcher({ path, config });
    return { options: config.compilerOptions, candidatesFor: (specifier) => matcher?.(specifier) ?? [] };
  } catch {
    return NO_TSCONFIG; // the compiler says what is wrong with it
  }
}

/** What stands behind `extends` in a text that may have comments; one in a comment is noted in vain. */
function basesIn(text: string): string[] {
  const [, value = "[]"] = /"extends"\s*:\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\])/.exec(text) ?? [];
  return [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([literal]) => JSON.parse(literal) as string);
}

function exportedFile(specifier: string, folder: string): string[] {
  try {
    return [createRequire(join(folder, "tsconfig.json")).resolve(specifier)];
  } catch {
    return [];
  }
}

/** A folder and those that it lies in, the nearest first. */
function ancestorsOf(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestorsOf(parent)];
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
