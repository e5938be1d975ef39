// A JSON file that is whole at any moment: it is written under another name, flushed, and put in place, and what was there
// before is kept beside it. Where the file can't be read, that one counts, and else the default; both is said.
import { copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { syncFolder, writeFlushed } from "../../flushed-file.ts";

export interface SettingsOptions<T> {
  /** What a value means; undefined for one that is none of these settings. */
  read(value: unknown): T | undefined;
  /** What holds where there is no file, or none that can be read. */
  initial: T;
  /** Says what could not be read, and what holds in its place. */
  warn(line: string): void;
}

export interface Settings<T> {
  readonly value: T;
  /**
   * Takes a new value, and resolves when it is on the disk. Writes follow each other; of those that wait, the last one counts.
   *
   * @throws {ZcontextError} `ERR_STATE_UNWRITABLE`.
   */
  write(value: T): Promise<void>;
}

/** Reads settings, or what was before them. Never rejects for what is in the files. */
export async function openSettings<T extends object>(path: string, options: SettingsOptions<T>): Promise<Settings<T>> {
  let value: T = (await readSettings(path, options)).value;
  let writing: Promise<void> = Promise.resolve();
  let isWaiting = false;

  async function store(): Promise<void> {
    isWaiting = false;
    await replace(path, `${JSON.stringify(value, null, 2)}\n`, (text) => readText(text, options.read) !== undefined);
  }

  return {
    get value() {
      return value;
    },
    write(next) {
      value = next;
      if (!isWaiting) {
        isWaiting = true;
        writing = writing.catch(() => {}).then(store);
      }
      return writing;
    },
  };
}

const backupOf = (path: string) => `${path}.backup`;

/** In an object, so that a value with a `then` is none to wait for. */
async function readSettings<T>(path: string, { read, initial, warn }: SettingsOptions<T>): Promise<{ value: T }> {
  const backup = backupOf(path);
  for (const [file, instead] of [
    [path, backup],
    [backup, "the defaults"],
  ] as const) {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => error);
    if (typeof text !== "string") {
      if (text.code === "ENOENT") continue;
      warn(`${file} can't be read: ${text.message}; in its place: ${instead}`);
      continue;
    }
    const found = readText(text, read);
    if (found !== undefined) return { value: found };
    warn(`${file} holds no settings; in their place: ${instead}`);
  }
  return { value: initial };
}

function readText<T>(text: string, read: (value: unknown) => T | undefined): T | undefined {
  try {
    return read(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** @param isGood - Whether what is there now is worth keeping as the backup. */
async function replace(path: string, text: string, isGood: (before: string) => boolean): Promise<void> {
  const unfinished = `${path}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFlushed(unfinished, text);
    const before = await readFile(path, "utf8").catch(() => undefined);
    if (before !== undefined && isGood(before)) {
      await copyFile(path, `${unfinished}.backup`);
      await rename(`${unfinished}.backup`, backupOf(path));
    }
    await rename(unfinished, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw new ZcontextError("ERR_STATE_UNWRITABLE", `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
