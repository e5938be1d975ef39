// Finds out whether a task could be started that has been prepared, without running it: a process of its own loads the
// module of a service, and the system is offered the command line of a program.
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import type { TaskServiceConfig } from "../config/context-config.ts";
import { ZcontextError } from "../errors.ts";
import { MAX_CONFIGURATION_BYTES } from "../protocol/environment.ts";
import { flag, type Output, object, optional, read, text } from "../protocol/schema.ts";
import { runsIn } from "./environment/task-environment.ts";
import { type TrialEnd, tryProcess } from "./process/trial.ts";

/** A task as its start would have it. */
export interface Prepared {
  task: TaskServiceConfig;
  /** Absolute: the module to load, or the program to run. */
  path: string;
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
}

const ENTRY = "#load";
const FOUND = object({ reason: optional(text), streams: optional(flag) });

type Found = Output<typeof FOUND>;

export interface StartTrials {
  /**
   * @throws {ZcontextError} `ERR_SERVICE_INVALID` where the module of a service does not load, exports no service or takes
   *   too long, where its streams can't be made with its configuration, or where arguments and variables are too long for the system.
   */
  tryStart(prepared: Prepared): Promise<void>;
}

/**
 * Tasks that load the same module in the same surroundings share one trial; those with streams have one more for each
 * configuration.
 *
 * @param file - The context file.
 * @param stop - Ends what is being tried.
 */
export function createStartTrials(file: string, stop: AbortSignal): StartTrials {
  const baseDir = dirname(resolve(file));
  const known = new Map<string, Promise<Found>>();

  /** @param configuration - With which the streams of the task are to be made. */
  async function load({ task, path, environment }: Prepared, configuration?: string): Promise<Found> {
    const entry = createRequire(import.meta.url).resolve(ENTRY);
    const { readyTimeoutMs: timeoutMs } = task.supervision;
    const words = ["--enable-source-maps", entry, path, task.instance];
    const variables = { ...environment, ...(configuration !== undefined && { ZCONTEXT_CONFIGURATION: configuration }) };
    const end = await tryProcess([process.execPath, ...words], {
      environment: variables,
      folder: runsIn(task, baseDir),
      stop,
      timeoutMs,
    });
    const found = foundBy(end, `Service${task.instance}`, timeoutMs);
    if (found.reason !== undefined) throw new ZcontextError("ERR_SERVICE_INVALID", found.reason);
    return found;
  }

  function once(key: string, prepared: Prepared, configuration?: string): Promise<Found> {
    const trial = known.get(key) ?? load(prepared, configuration);
    known.set(key, trial);
    return trial;
  }

  // Node runs nothing of it: what counts is whether the system takes it.
  async function offer({ task, path, environment }: Prepared): Promise<void> {
    const configuration = JSON.stringify(task.configuration);
    const isLong = Buffer.byteLength(configuration) > MAX_CONFIGURATION_BYTES;
    const variables = { ...(!isLong && { ZCONTEXT_CONFIGURATION: configuration }), ...environment };
    const words = [path, ...(task.command?.words ?? [])];
    await tryProcess([process.execPath, "--eval", "0", "--", ...words], { environment: variables, stop });
  }

  return {
    async tryStart(prepared) {
      const { task, path, environment } = prepared;
      if (task.command !== undefined) return offer(prepared);
      const key = JSON.stringify([path, task.instance, environment, runsIn(task, baseDir)]);
      const { streams } = await once(key, prepared);
      const configuration = JSON.stringify(task.configuration);
      if (streams && Buffer.byteLength(configuration) <= MAX_CONFIGURATION_BYTES)
        await once(`${key} ${configuration}`, prepared, configuration);
    },
  };
}

function foundBy({ said, code, signal, isLate }: TrialEnd, service: string, timeoutMs: number): Found {
  if (isLate) return { reason: `${service} is not loaded within ${timeoutMs / 1_000} s` };
  if (said !== "") return read(FOUND, JSON.parse(said)).value ?? {};
  return { reason: `${service} ends the process that loads it, with ${signal ?? `exit code ${code}`}` };
}
