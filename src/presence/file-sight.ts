// Looks at a context file: where its path leads now.
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute } from "node:path";
import { digestOf } from "../digest.ts";
import type { FileSight } from "./kinship.ts";

/** Looks at a context file. */
export async function lookAt(path: string): Promise<FileSight> {
  const real = await realpath(path).catch(() => path);
  const names = await Promise.all([...new Set([path, real])].map(nameOf));
  return { names: [...new Set(names.filter((name) => name !== ""))], file: await identityOf(path) };
}

async function nameOf(path: string): Promise<string> {
  const folder = await identityOf(dirname(path));
  return folder && `${folder}/${basename(path)}`;
}

/** Device and inode, following links; empty where there is nothing. */
async function identityOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? "" : `${found.dev}:${found.ino}`;
}

/**
 * The absolute path as a person means it: a shell that has entered a folder through a link goes on to name it by the link.
 *
 * @param shellFolder - The shell's name of the working folder, `PWD`; it counts where it leads there.
 */
export async function pathAsGiven(file: string, shellFolder = process.env.PWD ?? ""): Promise<string> {
  if (isAbsolute(file)) return file;
  const here = process.cwd();
  const isHere = isAbsolute(shellFolder) && (await identityOf(shellFolder)) === (await identityOf(here));
  return `${isHere ? shellFolder : here}/${file}`;
}

/** Stands for a name of a file in the name of another. */
export function keyOf(name: string): string {
  return digestOf(name, 32);
}
