// Bundles a service and the files that it imports into one module with esbuild, and notes what that depends on. Packages
// are not bundled: the module names their files, and Node loads them.
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildOptions, Loader, Metafile, OnResolveArgs, OnResolveResult, Plugin } from "esbuild";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { assertDescriptors } from "../environment/descriptors.ts";
import { type ImportNotes, noteImports } from "./imports.ts";
import { isIrregular, type Observation } from "./origin.ts";

export interface Bundle {
  code: string;
  /** Its source map, as JSON. The sources are file URLs. */
  map: string;
}

/** The parts of zcontext that services and their tests import. */
const OURS = ["zcontext/messaging", "zcontext/tasks", "zcontext/testing"];
const require = createRequire(import.meta.url);
/** Where they and what they import are. */
const OUR_FOLDER = join(dirname(require.resolve("zcontext/tasks")), "../");
/** Descriptors that spawning the compiler takes, generously. */
const SPAWN_DESCRIPTORS = 12;
/** Stands for the source, whose path the compiler would take for a pattern if it had a `*`. */
const ENTRY = "entry";
const CODE = /\.[cm]?[jt]sx?$/;

let bundling = 0;

/** Aborts all compilations in progress; they reject. */
export async function abandonCompiling(): Promise<void> {
  if (bundling > 0) await (await import("esbuild")).stop();
}

/**
 * @param observation - Notes all that the outcome depends on, also where this rejects.
 * @throws {ZcontextError} `ERR_SERVICE_INVALID` with one detail per error, as `file:line:column: text`.
 */
export async function bundle(source: string, observation: Observation): Promise<Bundle> {
  const inputs = new Map<string, string>();
  try {
    return await build(source, observation, inputs);
  } catch (error) {
    throw broken(source, withCode(error), inputs);
  }
}

// The compiler is a process that would never exit by itself; it is stopped after the last compilation.
async function build(source: string, observation: Observation, inputs: Map<string, string>): Promise<Bundle> {
  const esbuild = await import("esbuild");
  const notes = noteImports(observation);
  let wantsRequire = false;
  const resolver = resolveFromSource(source, notes, () => {
    wantsRequire = true;
  });
  const options = { ...OPTIONS, plugins: [resolver, loadObserved(inputs, observation, notes)] } satisfies BuildOptions;
  bundling += 1;
  try {
    // Without free descriptors esbuild dereferences pipes that are missing, and the spawn's own error is emitted where it
    // can't be caught.
    assertDescriptors(SPAWN_DESCRIPTORS);
    let built = await esbuild.build(options);
    if (wantsRequire) built = await esbuild.build({ ...options, banner: { js: requireFor(source) } });
    notePatterns(built.metafile, inputs, notes);
    const [map = "", code = ""] = built.outputFiles.map(({ text }) => text);
    return { code, map: withUrls(map, inputs) };
  } finally {
    bundling -= 1;
    if (bundling === 0) await esbuild.stop();
  }
}

const OPTIONS = {
  entryPoints: [ENTRY],
  // All paths that the compiler gives are then relative to the root, and can be told again.
  absWorkingDir: "/",
  outfile: "/service.mjs",
  bundle: true,
  platform: "node",
  target: `node${process.versions.node}`,
  format: "esm",
  // As Node resolves what is imported; by default the compiler prefers what is meant for other bundlers.
  conditions: [],
  mainFields: ["main"],
  sourcemap: "external",
  write: false,
  metafile: true,
  logLevel: "silent",
} satisfies BuildOptions;

/** An ES module has no `require`, but CommonJS files in the bundle need it. */
function requireFor(source: string): string {
  const from = JSON.stringify(source);
  return `import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(${from});`;
}

/** The compiled module is in another folder, so imports are resolved from the source's folder. */
function resolveFromSource(source: string, notes: ImportNotes, onRequired: () => void): Plugin {
  return {
    name: "resolve-from-source",
    setup({ onResolve, resolve: find }) {
      async function resolve(args: OnResolveArgs): Promise<OnResolveResult | undefined> {
        const { path, importer, resolveDir, kind, pluginData, with: attributes } = args;
        if (pluginData === "resolved") return undefined;
        if (kind === "entry-point") return { path: source };
        const isRequired = kind === "require-call" || kind === "require-resolve";
        if (path.startsWith("node:")) {
          if (isRequired) onRequired();
          return undefined;
        }
        // Bundled, so that a service runs even where zcontext is not installed beside it.
        if (OURS.includes(path)) return { path: require.resolve(path) };
        // What zcontext loads on demand, such as sockets, would otherwise be loaded with every service.
        if (kind === "dynamic-import" && importer.startsWith(OUR_FOLDER))
          return { path: pathToFileURL(join(resolveDir, path)).href, external: true };
        notes.imported(path, resolveDir);
        const starred = path.startsWith(".") && path.includes("*") ? findStarred(join(resolveDir, path)) : undefined;
        if (starred !== undefined) return { path: starred };
        const found = await find(path, { importer, resolveDir, kind, with: attributes, pluginData: "resolved" });
        if (found.errors.length === 0 && !found.external) notes.found(found.path);
        if (isRequired && found.external) onRequired();
        if (found.errors.length > 0 || found.external || isBundled(path, found.path)) return found;
        if (!isRequired) return { path: pathToFileURL(found.path).href, external: true };
        onRequired();
        return { path: found.path, external: true };
      }
      onResolve({ filter: /.*/ }, resolve);
    },
  };
}

/** The compiler takes a `*` in a file's name for a pattern, which matches nothing. */
function findStarred(path: string): string | undefined {
  const stem = path.replace(/\.([cm]?)jsx?$/, ".$1");
  const candidates = [path, `${stem}ts`, `${stem}tsx`, ...["ts", "tsx", "js", "json"].map((end) => `${path}.${end}`)];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}

/** Files of the service itself, path aliases to TypeScript, which Node can't load, and what Node can't import by its path. */
function isBundled(specifier: string, found: string): boolean {
  if (found.endsWith(".node")) return false;
  // The compiler reads JSON without an import attribute, which Node wants.
  const isOurs = specifier.startsWith(".") || isAbsolute(specifier);
  return isOurs || /\.(?:[cm]?tsx?|json)$/.test(found) || found.includes("\\");
}

/** Reads each file once, so that what is noted is what was compiled. */
function loadObserved(inputs: Map<string, string>, observation: Observation, notes: ImportNotes): Plugin {
  return {
    name: "load-observed",
    setup({ onLoad, esbuild: { transform } }) {
      onLoad({ filter: /.*/, namespace: "file" }, async ({ path }) => {
        inputs.set(path.slice(1).replaceAll("\\", "/"), path);
        notes.loaded(path);
        if (isIrregular(path)) return undefined; // the compiler may wait for it: that is another process
        const contents = observation.read(path);
        const text = CODE.test(path) ? contents.toString("utf8") : "";
        // In the compiled module these would be paths in the cache.
        if (!/\bimport\.meta\b|\b__(?:dirname|filename)\b/.test(text)) return { contents, loader: "default" };
        const compilerOptions = notes.compilerOptionsIn(dirname(path));
        const transformed = await transform(text, {
          loader: loaderOf(path),
          define: ownPlaceOf(path),
          sourcefile: pathToFileURL(path).href,
          sourcemap: "inline",
          ...(compilerOptions === undefined ? {} : { tsconfigRaw: { compilerOptions } as TsconfigRaw }),
        }).catch(() => undefined); // the bundler says what is wrong, and where
        return transformed === undefined
          ? { contents, loader: "default" }
          : { contents: transformed.code, loader: "js" };
      });
    },
  };
}

type TsconfigRaw = Exclude<NonNullable<BuildOptions["tsconfigRaw"]>, string>;

function loaderOf(path: string): Loader {
  return extname(path).replace(/^\.[cm]?/, "") as Loader;
}

function ownPlaceOf(path: string): Record<string, string> {
  const folder = dirname(path);
  const place = {
    "import.meta.url": pathToFileURL(path).href,
    "import.meta.filename": path,
    "import.meta.dirname": folder,
    __filename: path,
    __dirname: folder,
  };
  return Object.fromEntries(Object.entries(place).map(([name, value]) => [name, JSON.stringify(value)]));
}

/** Imports by a pattern are resolved without plugins. */
function notePatterns(metafile: Metafile, inputs: ReadonlyMap<string, string>, notes: ImportNotes): void {
  for (const [name, { imports }] of Object.entries(metafile.inputs)) {
    const file = inputs.get(name);
    const patterns = imports.filter(({ path }) => /^\.{1,2}\/.*\*/.test(path));
    if (file !== undefined) for (const { path } of patterns) notes.matched(path, dirname(file));
  }
}

/** The source map with the URLs of its sources, which the compiler gives as relative ones without backslashes. */
function withUrls(map: string, inputs: ReadonlyMap<string, string>): string {
  const { sources, ...rest } = JSON.parse(map) as { sources: string[] };
  const urlOf = (source: string) => {
    const name = decodeURIComponent(source);
    return source.startsWith("file:") ? source : pathToFileURL(inputs.get(name) ?? join("/", name)).href;
  };
  return JSON.stringify({ ...rest, sources: sources.map(urlOf) });
}

/** When its process can't be spawned, esbuild gives the system's code in the message only. */
function withCode(error: unknown): unknown {
  const [, code] = /^The service was stopped: spawn .* (E[A-Z]+)$/.exec(reasonOf(error)) ?? [];
  return code === undefined ? error : Object.assign(new Error(reasonOf(error)), { code });
}

function broken(source: string, error: unknown, inputs: ReadonlyMap<string, string>): ZcontextError {
  const { errors = [] } = error as {
    errors?: { text: string; location?: { file: string; line: number; column: number } | null }[];
  };
  const details = errors.map(({ text, location }) => {
    if (!location) return text;
    const file = inputs.get(location.file) ?? join("/", location.file);
    return `${file}:${location.line}:${location.column + 1}: ${text}`;
  });
  const reason = details.length === 0 ? `: ${reasonOf(error)}` : "";
  return new ZcontextError("ERR_SERVICE_INVALID", `${source} does not compile${reason}`, { details, cause: error });
}
