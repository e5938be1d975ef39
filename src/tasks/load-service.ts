// Loads the module of a service, and says of one that can't be run what is wrong with it and where: for people, who know
// their own files and neither the compiled module nor the loader.
import { closeSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import type { StartData } from "../protocol/pipe.ts";
import type { Service } from "./define.ts";
import { ownPartOf, placeIn } from "./stack.ts";
import { describeTask, isTask } from "./task-check.ts";

/** Why a service can't be run. */
export interface LoadFailure {
  /** In one line, with the place in the user's code where that is known. */
  reason: string;
  /** In several lines: the error and its stack. */
  report: string;
}

/** Never rejects: whatever the module throws is a failure to load. */
export async function loadService({
  module,
  instance,
}: Pick<StartData, "module" | "instance">): Promise<Service | LoadFailure> {
  let loaded: unknown;
  try {
    loaded = await importModule(module);
  } catch (error) {
    return failureOf(`Service${instance} does not load`, error, module);
  }
  const exported = memberOf(loaded, "default");
  // A CommonJS module that was compiled from `export default` has it one level further down.
  const service = memberOf(exported, "default") ?? exported;
  if (isService(service)) return service;
  const expected = "expected `export default defineService({ name, description, task })`";
  const reason = `Service${instance}: ${expected}, got ${describe(service)}`;
  return { reason, report: reason };
}

async function importModule(module: string): Promise<unknown> {
  if (!module.includes("\\")) return import(pathToFileURL(module).href);
  // Node refuses a path with a backslash, but not a link that leads there.
  const folder = openSync(dirname(module), "r");
  try {
    return await import(`file:///proc/self/fd/${folder}/${encodeURIComponent(basename(module))}`);
  } finally {
    closeSync(folder);
  }
}

function failureOf(what: string, error: unknown, module: string): LoadFailure {
  if (!(error instanceof Error)) {
    const thrown = inspect(error);
    return { reason: `${what}: it throws ${thrown.split("\n", 1)}`, report: `${what}: it throws ${thrown}` };
  }
  const { name, message } = error;
  const stack = error.stack ?? `${name}: ${message}`;
  const [first = ""] = message.split("\n", 1);
  const place = placeIn(stack) ?? (error instanceof SyntaxError ? `${module} or a file that it imports` : undefined);
  const where = place === undefined || first.includes(place) ? "" : `, at ${place}`;
  const said = name === "Error" ? first : `${name}: ${first}`;
  return { reason: `${what}: ${said}${where}`, report: reportOf(error) };
}

function reportOf({ stack, name, message, cause }: Error): string {
  const report = ownPartOf(stack ?? `${name}: ${message}`);
  return cause instanceof Error ? `${report}\ncaused by ${ownPartOf(cause.stack ?? cause.message)}` : report;
}

function describe(value: unknown): string {
  if (value === undefined) return "no default export";
  const task = memberOf(value, "task");
  return task === undefined ? `${value === null ? "null" : typeof value} without a task` : describeTask(task);
}

function isService(value: unknown): value is Service {
  return isTask(memberOf(value, "task"));
}

function memberOf(value: unknown, name: string): unknown {
  return Reflect.get(Object(value), name);
}
