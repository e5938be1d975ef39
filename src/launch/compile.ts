// Compiles a TypeScript service into a cache, once per change: users need no build step, and later starts no compiler.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";
import { reasonOf, ZcontextError } from "../errors.ts";
import { assertDescriptors } from "./descriptors.ts";

/** What a compiled module was made from. The module is stale when one of these has changed. */
interface Origin {
  /** The files, by their real paths. */
  inputs: { path: string; size: number; mtimeMs: number }[];
  /** Symbolic links beside the source and their targets: a changed link changes what the source imports. */
  links: string[];
}

const TYPESCRIPT = /\.m?ts$/;

/** The default state folder of a context file: beside the file itself, also where a link leads to it. */
export function stateDirOf(file: string): string {
  return join(dirname(realpathSync(file)), ".zcontext");
}

/**
 * The absolute path of a module that Node can load: JavaScript as it is, TypeScript compiled. It is compiled now if the
 * source or a file it includes has changed.
 *
 * @param stateDir - The folder that compiled modules are kept below.
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` with one detail per error, as `file:line:column: text`, or
 * `ERR_STATE_UNWRITABLE`.
 */
export async function prepareSource(source: string, stateDir: string): Promise<string> {
  return TYPESCRIPT.test(source) ? compile(source, join(stateDir, "cache")) : source;
}

async function compile(source: string, cacheDir: string): Promise<string> {
  const key = createHash("sha256").update(source).digest("hex").slice(0, 16);
  const module = join(cacheDir, `${basename(source).replace(TYPESCRIPT, "")}-${key}.mjs`);
  const inputsFile = `${module}.inputs.json`;
  if (existsSync(module) && (await isFresh(inputsFile, source))) return module;
  await makeCache(cacheDir);
  const { outputFiles, metafile } = await bundle(optionsFor(source, module)).catch((error: unknown) => {
    throw broken(source, error);
  });
  for (const { path, contents } of outputFiles) await writeWhole(path, contents);
  // Written last: without this file a module counts as stale.
  const inputs = Object.keys(metafile.inputs).map((path) => stateOf(resolve(path)));
  await writeWhole(inputsFile, JSON.stringify({ inputs, links: linksBeside(source) } satisfies Origin));
  return module;
}

/** Creates the cache, and keeps it out of version control. */
async function makeCache(cacheDir: string): Promise<void> {
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(join(cacheDir, ".gitignore"), "*\n");
  } catch (error) {
    throw unwritable(cacheDir, error);
  }
}

let bundling = 0;

/** Aborts all compilations in progress; they reject. */
export async function abandonCompiling(): Promise<void> {
  if (bundling > 0) await (await import("esbuild")).stop();
}

// The compiler is a process that would never exit by itself; it is stopped after the last compilation.
async function bundle(options: ReturnType<typeof optionsFor>) {
  const { build, stop } = await import("esbuild");
  bundling += 1;
  try {
    // Without free descriptors esbuild dereferences pipes that are missing, and the spawn's own error is emitted where it
    // can't be caught.
    assertDescriptors(SPAWN_DESCRIPTORS);
    return await build(options);
  } catch (error) {
    throw withCode(error);
  } finally {
    bundling -= 1;
    if (bundling === 0) await stop();
  }
}

/** Descriptors that spawning the compiler takes, generously. */
const SPAWN_DESCRIPTORS = 12;

/** When its process can't be spawned, esbuild gives the system's code in the message only. */
function withCode(error: unknown): unknown {
  const [, code] = /^The service was stopped: spawn .* (E[A-Z]+)$/.exec(reasonOf(error)) ?? [];
  return code === undefined ? error : Object.assign(new Error(reasonOf(error)), { code });
}

function optionsFor(source: string, module: string) {
  return {
    entryPoints: [source],
    outfile: module,
    bundle: true,
    platform: "node",
    target: `node${process.versions.node}`,
    format: "esm",
    sourcemap: "linked",
    write: false,
    metafile: true,
    logLevel: "silent",
    // The compiled module is in another folder, so imports are resolved from the source's folder.
    plugins: [resolveFromSource, keepOwnUrl],
  } satisfies BuildOptions;
}

/** The parts of zcontext that services and their tests import. */
const OURS = ["zcontext/tasks", "zcontext/testing"];

const resolveFromSource: Plugin = {
  name: "resolve-from-source",
  setup({ onResolve, resolve: find }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === "resolved" || path.startsWith("node:") || isAbsolute(path)) return undefined;
      // Bundled, so that a service runs even where zcontext is not installed beside it.
      if (OURS.includes(path)) return { path: createRequire(import.meta.url).resolve(path) };
      const found = await find(path, { importer, resolveDir, kind, pluginData: "resolved" });
      if (found.errors.length > 0 || found.external) return found;
      if (/\.[cm]?tsx?$/.test(found.path)) return { path: found.path }; // a path alias to TypeScript, which Node can't load
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

// In the compiled module `import.meta.url` would be a path in the cache.
const keepOwnUrl: Plugin = {
  name: "keep-own-url",
  setup({ onLoad, esbuild }) {
    onLoad({ filter: TYPESCRIPT }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      if (!text.includes("import.meta")) return { contents: text, loader: "ts" };
      const own = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const define = Object.fromEntries(
        Object.entries(own).map(([name, value]) => [`import.meta.${name}`, JSON.stringify(value)]),
      );
      const { code } = await esbuild.transform(text, { loader: "ts", define, sourcefile: path, sourcemap: "inline" });
      return { contents: code, loader: "js" };
    });
  },
};

async function isFresh(inputsFile: string, source: string): Promise<boolean> {
  try {
    const { inputs, links } = JSON.parse(await readFile(inputsFile, "utf8")) as Origin;
    const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
    return isSame(linksBeside(source), links) && inputs.every((input) => isSame(stateOf(input.path), input));
  } catch {
    return false; // missing, incomplete, of another version, or an input is gone: compile again
  }
}

function stateOf(path: string): Origin["inputs"][number] {
  const { size, mtimeMs } = statSync(path);
  return { path, size, mtimeMs };
}

function linksBeside(source: string): string[] {
  const folder = dirname(source);
  const links = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  return links.map(({ name }) => `${name} ${readlinkSync(join(folder, name))}`).sort();
}

async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}

function unwritable(cacheDir: string, error: unknown): ZcontextError {
  return new ZcontextError("ERR_STATE_UNWRITABLE", `cannot write ${cacheDir}: ${reasonOf(error)}`, {
    hint: "Compiled services are kept there; name another folder with --state-dir.",
    cause: error,
  });
}

function broken(source: string, error: unknown): ZcontextError {
  const { errors = [] } = error as {
    errors?: { text: string; location?: { file: string; line: number; column: number } | null }[];
  };
  const details = errors.map(({ text, location }) =>
    location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
  );
  return new ZcontextError(
    "ERR_SERVICE_INVALID",
    `${source} does not compile${details.length === 0 ? `: ${reasonOf(error)}` : ""}`,
    { details, cause: error },
  );
}
