// Keeps configurations that are too long for an environment variable in files, one for each run of a program. A file is
// removed when its run has ended; those of a provider that was killed, by the next one.
import { rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stateUnwritable } from "./state-folder.ts";

export interface ConfigurationFiles extends AsyncDisposable {
  /**
   * Writes the configuration of a run, readable by the user of the provider only, and answers its absolute path.
   *
   * @throws {ZcontextError} `ERR_STATE_UNWRITABLE`.
   */
  write(run: string, configuration: string): Promise<string>;
  /** The run has ended. */
  remove(run: string): void;
}

/**
 * Empties the folder.
 *
 * @param folder - Of this provider alone; there is none as long as no configuration is too long.
 */
export async function openConfigurationFiles(folder: string): Promise<ConfigurationFiles> {
  const pathOf = (run: string) => join(folder, `${run}.json`);
  const clear = () => rm(folder, { recursive: true, force: true });
  await clear().catch((error: unknown) => {
    throw unwritable(folder, error);
  });
  return {
    async write(run, configuration) {
      const path = pathOf(run);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(path, configuration, { mode: 0o600, flag: "wx" });
      } catch (error) {
        throw unwritable(path, error);
      }
      return path;
    },
    remove: (run) => rmSync(pathOf(run), { force: true }),
    // What can't be removed now is removed by the next provider.
    [Symbol.asyncDispose]: () => clear().catch(() => {}),
  };
}

function unwritable(path: string, error: unknown) {
  return stateUnwritable(path, "Configurations above 100 KiB", error);
}
