// Where schemata are read from: a file, the files of a folder, or either as a commit of git has it.
import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { reasonOf, ZcontextError } from "../../../src/errors.ts";
import { isSchema, type Schema } from "./references.ts";

/** Schemata by the paths of their files within the folder, without `.json`; one file alone has its name. */
export interface Schemata {
  isFolder: boolean;
  named: Map<string, Schema>;
}

const JSON_FILE = /\.json$/;
const MOST_BYTES = 64 * 2 ** 20;
const run = promisify(execFile);

/** @throws {ZcontextError} `ERR_USAGE` for what can't be read, or is no schema. */
export async function readSchemata(path: string): Promise<Schemata> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? await readdir(path, { recursive: true }) : [basename(path)];
    const folder = isFolder ? path : dirname(path);
    return { isFolder, named: await namedIn(names, (name) => readFile(join(folder, name), "utf8")) };
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw new ZcontextError("ERR_USAGE", `can't read the schemata ${path}: ${reasonOf(error)}`, {
      hint: "Name a JSON file, or a folder of them.",
      cause: error,
    });
  }
}

/**
 * What is there now as a commit has it.
 *
 * @param against - A file or a folder; or what git knows as a commit, such as `main` or `v1.2.0`.
 * @throws {ZcontextError} `ERR_USAGE` where it is neither.
 */
export async function readBefore(path: string, against: string): Promise<Schemata> {
  const isThere = await stat(against).then(
    () => true,
    () => false,
  );
  if (isThere) return readSchemata(against);
  const [folder, name] = [dirname(path), basename(path)];
  const git = async (...words: string[]) => (await run("git", words, { cwd: folder, maxBuffer: MOST_BYTES })).stdout;
  const { isFolder } = { isFolder: (await stat(path)).isDirectory() };
  try {
    await git("rev-parse", "--verify", "--quiet", "--end-of-options", `${against}^{commit}`);
    const listed = await git("ls-tree", "-r", "-z", "--name-only", against, "--", name);
    const inside = listed.split("\0").filter((file) => file !== "");
    const names = isFolder ? inside.map((file) => file.slice(name.length + 1)) : inside;
    const contents = (file: string) => git("show", `${against}:./${isFolder ? `${name}/${file}` : file}`);
    return { isFolder, named: await namedIn(names, contents) };
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw new ZcontextError("ERR_USAGE", `--against ${against}: there is no such file or folder, and no such commit`, {
      hint: "Name the schemata of before: a file, a folder, or a commit of git, such as main.",
      cause: error,
    });
  }
}

async function namedIn(
  files: readonly string[],
  read: (file: string) => Promise<string>,
): Promise<Map<string, Schema>> {
  const found = new Map<string, Schema>();
  for (const file of files.filter((name) => JSON_FILE.test(name)).sort()) {
    const schema = parse(await read(file), file);
    found.set(file.replace(JSON_FILE, ""), schema);
  }
  return found;
}

function parse(text: string, file: string): Schema {
  try {
    const schema: unknown = JSON.parse(text);
    if (isSchema(schema)) return schema;
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `${file} is no JSON: ${reasonOf(error)}`, { cause: error });
  }
  throw new ZcontextError("ERR_USAGE", `${file}: expected a JSON Schema, an object or a boolean`);
}
