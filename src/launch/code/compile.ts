// Compiles a TypeScript service into a cache, once per change: users need no build step, and later starts no compiler. The
// record beside a compiled module says what it was made from (origin.ts); it is used only while all of that is as it was.
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { stateUnwritable } from "../environment/state-folder.ts";
import { type Bundle, bundle } from "./bundle.ts";
import { hashAt, hashOf, isCurrent, type Origin, observe } from "./origin.ts";

/** What is kept beside a compiled module. */
interface CacheRecord {
  /** The compiler's rules and the runtime it has compiled for. */
  maker: string;
  /** Hashes of the module and its source map: with several providers, another one may have replaced them since. */
  module: string | null;
  map: string | null;
  origin: Origin;
}

const TYPESCRIPT = /\.[cm]?tsx?$/;
/** Changed when the same sources are compiled to something else. */
const MAKER = `2 node ${process.versions.node}`;
/** After which what an interrupted compilation has left behind is removed, in milliseconds. */
const UNFINISHED_MS = 3_600_000;

/**
 * The absolute path of a module that Node can load: JavaScript as it is, TypeScript compiled. It is compiled now unless
 * that has been done for the present code.
 *
 * @param stateDir - The folder that compiled modules are kept below.
 * @param onOrigin - Is told what a compiled module is made from, also when it does not compile.
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` with one detail per error, as `file:line:column: text`, or
 * `ERR_STATE_UNWRITABLE`.
 */
export async function prepareSource(
  source: string,
  stateDir: string,
  onOrigin: (origin: Origin) => void = () => {},
): Promise<string> {
  return isCompiled(source) ? compile(source, join(stateDir, "cache"), onOrigin) : source;
}

/**
 * What a service is made from, whether it compiles or not. The code of a service in JavaScript runs as it is: that a
 * compiler reads it here changes nothing.
 */
export async function traceOrigin(source: string): Promise<Origin> {
  const observation = observe();
  await bundle(source, observation).catch(() => {});
  return observation.origin;
}

// Node can't import a module from a folder with a backslash in its name, nor what such a module imports.
function isCompiled(source: string): boolean {
  return TYPESCRIPT.test(source) || source.includes("\\");
}

async function compile(source: string, cacheDir: string, onOrigin: (origin: Origin) => void): Promise<string> {
  const key = hashOf(source)
    .replaceAll(/[^a-zA-Z0-9]/g, "")
    .slice(0, 16);
  const module = join(
    cacheDir,
    `${basename(source)
      .replace(/\.\w+$/, "")
      .replaceAll(/[^\w.-]/g, "_")}-${key}.mjs`,
  );
  const present = await readRecord(module);
  if (present !== undefined) {
    onOrigin(present);
    return module;
  }
  await makeCache(cacheDir);
  const observation = observe();
  // Another version of the compiler may compile differently.
  observation.has(createRequire(import.meta.url).resolve("esbuild/package.json"));
  const made = await bundle(source, observation).finally(() => onOrigin(observation.origin));
  await write(module, made, observation.origin).catch((error: unknown) => {
    throw unwritable(cacheDir, error);
  });
  return module;
}

/** Writes what was compiled. A provider that is killed in the midst, or does the same at the same time, leaves no record that fits. */
async function write(module: string, { code, map }: Bundle, origin: Origin): Promise<void> {
  const text = `${code}//# sourceMappingURL=${encodeURIComponent(basename(module))}.map\n`;
  await writeWhole(`${module}.map`, map);
  await writeWhole(module, text);
  const record: CacheRecord = { maker: MAKER, module: hashOf(text), map: hashOf(map), origin };
  await writeWhole(recordOf(module), JSON.stringify(record));
}

/** What a compiled module was made from; undefined where it is not there whole, or no longer what its sources give. */
async function readRecord(module: string): Promise<Origin | undefined> {
  try {
    const record = JSON.parse(await readFile(recordOf(module), "utf8")) as CacheRecord;
    const isWhole = hashAt(module) === record.module && hashAt(`${module}.map`) === record.map;
    return record.maker === MAKER && isWhole && isCurrent(record.origin) ? record.origin : undefined;
  } catch {
    return undefined; // missing, incomplete, or of another version
  }
}

function recordOf(module: string): string {
  return `${module}.inputs.json`;
}

/** Creates the cache, and keeps it out of version control. */
async function makeCache(cacheDir: string): Promise<void> {
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(join(cacheDir, ".gitignore"), "*\n");
    await removeUnfinished(cacheDir);
  } catch (error) {
    throw unwritable(cacheDir, error);
  }
}

async function removeUnfinished(cacheDir: string): Promise<void> {
  for (const name of (await readdir(cacheDir)).filter((file) => file.endsWith(".tmp"))) {
    const path = join(cacheDir, name);
    const written = await stat(path).catch(() => undefined); // finished meanwhile
    if (written !== undefined && Date.now() - written.mtimeMs > UNFINISHED_MS) await rm(path, { force: true });
  }
}

async function writeWhole(path: string, contents: string): Promise<void> {
  // Two containers with one folder may have the same pid.
  const unfinished = `${path}.${randomUUID()}.tmp`;
  await writeFile(unfinished, contents);
  await rename(unfinished, path);
}

function unwritable(cacheDir: string, error: unknown) {
  return stateUnwritable(cacheDir, "Compiled services", error);
}
