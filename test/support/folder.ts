import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file, and the folders it needs, below this one; answers its absolute path. */
  write(name: string, text: string): Promise<string>;
  at(...names: string[]): string;
}

/** A folder of its own for a test, outside the project, with these files in it. */
export async function makeFolder(files: { [name: string]: string } = {}): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "zcontext-test-")));
  const at = (...names: string[]) => join(path, ...names);
  async function write(name: string, text: string): Promise<string> {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
    return at(name);
  }
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { path, at, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
