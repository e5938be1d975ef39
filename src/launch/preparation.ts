// Gets together what a run of a task is launched with: the path of its code, its variables, and a file for a configuration
// that is too long for a variable.
import { createRequire } from "node:module";
import { delimiter, dirname } from "node:path";
import type { TaskServiceConfig } from "../config/context-config.ts";
import { environmentOf, MAX_CONFIGURATION_BYTES } from "../protocol/environment.ts";
import type { Assignment } from "../protocol/pipe.ts";
import type { Services } from "./code/services.ts";
import type { ConfigurationFiles } from "./environment/configuration-files.ts";
import type { Account } from "./process/account.ts";
import { readSurroundings } from "./surroundings.ts";

/** What a run is launched with. */
export interface Prepared {
  /** Of the module to load, or of the program to run. */
  path: string;
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
  /** Why another run of the same definition would be launched with something else now, one reason each. */
  drift?(): Promise<readonly string[]>;
  /** Who it runs as; default: who the provider does. */
  account?: Account | undefined;
  /** The run is over: removes what was written for it. May be called again. */
  discard?(): void;
}

export type Prepare = (
  task: TaskServiceConfig,
  run: { incarnation: string; assignment: Assignment },
) => Promise<Prepared>;

export interface PreparationOptions {
  /** Of the context file. */
  folder: string;
  services: Pick<Services, "prepareTraced">;
  configurations: ConfigurationFiles;
}

/** The result rejects when something is missing, as `readSurroundings`, `prepare` and `write` do. */
export function createPreparation({ folder, services, configurations }: PreparationOptions): Prepare {
  return async (task, { incarnation, assignment }) => {
    const { environment: own, account } = await readSurroundings(task, folder);
    const { path, hasChanged } = await services.prepareTraced(task, own);
    const drift = async () => [
      ...((await hasChanged()) ? ["its code changed"] : []),
      ...(await changedVariables(task, own, folder)),
    ];
    if (task.command === undefined) return { path, environment: own, account, drift };

    const configuration = JSON.stringify(assignment.configuration);
    const isLong = Buffer.byteLength(configuration) > MAX_CONFIGURATION_BYTES;
    const configurationFile = isLong ? await configurations.write(incarnation, configuration) : undefined;
    const { graceMs } = task.supervision;
    return {
      ...{ path, account, drift },
      environment: { ...forPython(own), ...environmentOf(assignment, { incarnation, graceMs, configurationFile }) },
      ...(isLong && { discard: () => configurations.remove(incarnation) }),
    };
  };
}

/** What its env files say that they did not say then; told by name, for a value may be secret. */
async function changedVariables(
  task: TaskServiceConfig,
  before: Readonly<Record<string, string>>,
  folder: string,
): Promise<string[]> {
  if (task.supervision.envFiles.length === 0) return [];
  const found = await readSurroundings(task, folder).catch(() => undefined);
  if (found === undefined) return ["its env_file can't be read"];
  const { environment: now } = found;
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  const changed = [...names].filter((name) => before[name] !== now[name]);
  return changed.length === 0 ? [] : [`its env_file changed: ${changed.sort().join(", ")}`];
}

/** A program's own variables, and what it needs if it is written in Python. */
function forPython(own: Record<string, string>): Record<string, string> {
  const { PYTHONPATH, PYTHONUNBUFFERED } = { ...process.env, ...own };
  return {
    // Python keeps what it prints to a pipe until 8 KiB have come together: a log shows it late, and a crash loses it.
    ...(PYTHONUNBUFFERED === undefined && { PYTHONUNBUFFERED: "1" }),
    ...own,
    // In front, so that a service speaks as this version of the provider does. An empty entry would be the working folder.
    PYTHONPATH: [pythonFolder(), PYTHONPATH].filter(Boolean).join(delimiter),
  };
}

/** The folder of `zcontext.py`, which services in Python import. */
function pythonFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("#python/zcontext.py"));
}
