// A folder as it is on disk, to be compared with itself later: names, kinds, modes and contents.
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** A line for everything below a folder, in the order of the names; follows no link. */
export async function readTree(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return Promise.all(names.sort().map(async (name) => `${name}  ${await describe(join(folder, name))}`));
}

async function describe(path: string): Promise<string> {
  const stats = await lstat(path);
  const mode = stats.mode.toString(8);
  if (stats.isSymbolicLink()) return `${mode} -> ${await readlink(path)}`;
  if (!stats.isFile()) return mode;
  return `${mode} ${createHash("sha256")
    .update(await readFile(path))
    .digest("hex")}`;
}
