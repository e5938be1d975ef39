// Finds what a task's process loads or runs: the module of a service, searched only below the folders that this provider may
// load code from, or a program that the provider's own file names.
import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { ZcontextError } from "../../errors.ts";
import { isBelow } from "../../folders.ts";
import { findProgram } from "../environment/program.ts";
import { stateDirOf } from "../environment/state-folder.ts";
import { readEnvironment, runsIn } from "../environment/task-environment.ts";
import { assertAllowedCommand } from "./allowed-commands.ts";
import { abandonCompiling } from "./bundle.ts";
import { type HasChanged, traceCompiled, traceLoaded, traceProgram } from "./code-trace.ts";
import { prepareSource, traceOrigin } from "./compile.ts";
import { isCurrent, isWrittenSince, type Origin } from "./origin.ts";

/** Finds and prepares the code of task services. */
export interface Services extends AsyncDisposable {
  /** Whether the `location` of a task lies below an allowed folder. Compares paths only, and opens nothing. */
  mayLoad(task: TaskServiceConfig): boolean;
  /**
   * The absolute path of a service's source, or of its program.
   *
   * @param environment - Of the task, as `readEnvironment` has it: its PATH finds the program.
   * @throws {ZcontextError} `ERR_SERVICE_NOT_FOUND` or `ERR_LOCATION_FORBIDDEN`.
   */
  locate(task: TaskServiceConfig, environment?: Readonly<Record<string, string>>): Promise<string>;
  /**
   * The absolute path of a module that Node can load, or of a program.
   *
   * @throws {ZcontextError} as `locate` does, or `ERR_SERVICE_INVALID` when it does not compile.
   */
  prepare(task: TaskServiceConfig, environment?: Readonly<Record<string, string>>): Promise<string>;
  /** The same, with a way to ask later whether another run would get other code. */
  prepareTraced(
    task: TaskServiceConfig,
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ path: string; hasChanged: HasChanged }>;
  /** The tasks of the provider's own file from now on. */
  own(tasks: readonly TaskServiceConfig[]): void;
  /**
   * Resolves once the code of a service is not what it was when it was prepared last: there is more of it, less, or other.
   * Rejects when it is aborted.
   */
  codeChanged(task: TaskServiceConfig, signal: AbortSignal): Promise<void>;
}

export interface ServicesOptions {
  /** The context file; locations and programs are relative to its folder. */
  file: string;
  /** Tasks of the provider's own file; their locations and commands are allowed. */
  ownTasks: readonly TaskServiceConfig[];
  /** Further folders that code may come from. */
  roots?: readonly string[];
  /** Where compiled modules are kept; by default `.zcontext` beside the file. */
  stateDir?: string | undefined;
}

/** Services that come with zcontext, by instance. */
const BUILTIN = new Map([
  ["Monitor", "#monitor-service"],
  ["Bridge", "#bridge-service"],
  ["Com", "#com-service"],
  ["Logger", "#logger-service"],
  ["Hub", "#hub-service"],
]);

/** Whether a task runs a service that comes with zcontext. One that names a location has a service of its own. */
export function isBuiltIn(task: TaskServiceConfig): boolean {
  return builtInOf(task) !== undefined;
}

function builtInOf(task: TaskServiceConfig): string | undefined {
  if (task.module !== undefined) return undefined;
  return locationOf(task) === undefined ? BUILTIN.get(task.instance) : undefined;
}

/** How long a compilation in progress may take once the provider is closing, in milliseconds. */
const FINISH_MS = 1_000;

/** How often code that does not work is looked at, in milliseconds. Polled: what counts are dozens of places. */
const CODE_POLL_MS = 1_000;

const ENDINGS = ["ts", "mts", "mjs", "js", "cjs"];

export function openServices({ file, roots = [], stateDir = stateDirOf(file), ...options }: ServicesOptions): Services {
  let ownTasks = options.ownTasks;
  const baseDir = dirname(resolve(file));
  const absolute = (location: string) => resolve(baseDir, location);
  const usual = ["services", "../services", "Services", "../Services"].map(absolute);
  const defaults = [...roots.map((root) => resolve(root)), ...usual];
  const allowedFolders = () => [...ownTasks.flatMap((task) => locationOf(task) ?? []).map(absolute), ...defaults];
  let allowed = allowedFolders();
  const preparing = new Map<string, Promise<string>>();
  /** What services were made from when they were prepared last, by their sources. */
  const origins = new Map<string, Origin>();
  /** When the code of a service that runs as it is was about to be loaded last, by its source. */
  const handedOutMs = new Map<string, number>();
  let isClosed = false;

  function foldersFor(task: TaskServiceConfig): string[] {
    const location = locationOf(task);
    return location === undefined ? defaults : [absolute(location)];
  }

  function mayLoad(task: TaskServiceConfig): boolean {
    return foldersFor(task).every((folder) => allowed.some((root) => isBelow(root, folder)));
  }

  const locate: Services["locate"] = async (task, environment = {}) => {
    const { id, instance, command } = task;
    if (command !== undefined) {
      assertAllowedCommand(id, command, ownTasks);
      return findProgram(id, command.program, { folder: baseDir, runsIn: runsIn(task, baseDir), environment });
    }
    const { module } = task;
    if (module !== undefined) {
      if (existsSync(module)) return module;
      throw new ZcontextError("ERR_SERVICE_NOT_FOUND", `${id}: no ${module}, which was installed from the hub`);
    }
    const builtin = builtInOf(task);
    if (builtin !== undefined) return createRequire(import.meta.url).resolve(builtin);
    const candidates = foldersFor(task).flatMap((folder) =>
      ENDINGS.map((end) => join(folder, instance, `Service${instance}.${end}`)),
    );
    const found = candidates.find((path) => existsSync(path));
    if (found === undefined) throw notFound(task, foldersFor(task));
    // A symbolic link must not lead out of the allowed folders.
    const real = await realpath(found);
    const realRoots = await Promise.all(allowed.filter((root) => existsSync(root)).map((root) => realpath(root)));
    if (!realRoots.some((root) => isBelow(root, real))) throw forbidden(task, real);
    return real;
  };

  // Tasks of the same instance that start together share one compilation.
  function prepareOnce(source: string): Promise<string> {
    if (isClosed) throw new ZcontextError("ERR_PROVIDER_LEAVING", `${source} is not prepared any more`);
    const known = preparing.get(source);
    if (known !== undefined) return known;
    handedOutMs.set(source, Date.now());
    const keep = (origin: Origin) => origins.set(source, origin);
    const running = prepareSource(source, stateDir, keep).finally(() => preparing.delete(source));
    preparing.set(source, running);
    return running;
  }

  const prepareTraced: Services["prepareTraced"] = async (task, environment) => {
    const source = await locate(task, environment);
    const { command } = task;
    if (command !== undefined) {
      const folder = runsIn(task, baseDir) ?? baseDir;
      return { path: source, hasChanged: traceProgram(source, command.words, folder) };
    }
    if (isBuiltIn(task)) return { path: await prepareOnce(source), hasChanged: async () => false };
    const sinceMs = Date.now();
    const path = await prepareOnce(source);
    const origin = origins.get(source);
    const hasChanged = origin === undefined ? traceLoaded(source, sinceMs) : traceCompiled(origin);
    // Another file may be found first by now.
    const isElsewhere = async () => (await locate(task, environment).catch(() => undefined)) !== source;
    return { path, hasChanged: async () => (await isElsewhere()) || hasChanged() };
  };

  return {
    async [Symbol.asyncDispose]() {
      isClosed = true;
      const late = pause(FINISH_MS, undefined, { ref: false });
      await Promise.race([Promise.allSettled(preparing.values()), late]);
      await abandonCompiling();
    },
    mayLoad,
    locate,
    prepare: async (task, environment) => (await prepareTraced(task, environment)).path,
    prepareTraced,
    own(tasks) {
      ownTasks = tasks;
      allowed = allowedFolders();
    },
    async codeChanged(task, signal) {
      const find = () =>
        readEnvironment(task.supervision, baseDir)
          .then((environment) => locate(task, environment))
          .catch(() => undefined);
      const source = await find();
      const origin = source === undefined ? undefined : (origins.get(source) ?? (await traceOrigin(source)));
      // What was not compiled is only looked at now, and may have changed since it was loaded.
      const isKnown = source === undefined || origins.has(source);
      if (!isKnown && origin !== undefined && isWrittenSince(origin, handedOutMs.get(source) ?? 0)) return;
      do await pause(CODE_POLL_MS, undefined, { signal });
      while ((await find()) === source && (origin === undefined || isCurrent(origin)));
    },
  };
}

/** The `<location>` of a task: the folder that holds the folder of its instance. */
export function locationOf({ configuration }: TaskServiceConfig): string | undefined {
  const { location } = configuration;
  return typeof location === "string" && location !== "" ? location : undefined;
}

function notFound({ id, instance }: TaskServiceConfig, folders: string[]): ZcontextError {
  const existing = folders.filter((folder) => existsSync(folder));
  const where = existing.length > 0 ? `looked in ${existing.join(", ")}` : `there is no ${folders.join(", no ")}`;
  return new ZcontextError(
    "ERR_SERVICE_NOT_FOUND",
    `${id}: no ${instance}/Service${instance}.ts (or .mjs, .js): ${where}`,
    {
      hint: "Put the service there, name its folder in <location>, or add --services-root DIR.",
    },
  );
}

function forbidden({ id }: TaskServiceConfig, path: string): ZcontextError {
  return new ZcontextError(
    "ERR_LOCATION_FORBIDDEN",
    `${id}: ${path} lies outside the folders that code may come from`,
    {
      hint: "Name its folder in <location> of the provider's own file, or add --services-root DIR.",
    },
  );
}
