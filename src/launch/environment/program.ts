// Finds the file of a program by its name, as a shell does, and says why a file can't be run.
import { access, constants, open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";

/** Where to look for a program. */
export interface ProgramSearch {
  /** A name with a slash is relative to this folder. */
  folder: string;
  /** Where the program will run, which is where relative entries of the PATH start; by default where the provider runs. */
  runsIn?: string | undefined;
  /** Of the program, in addition to the provider's; its PATH is searched in place of the provider's. */
  environment?: Readonly<Record<string, string>>;
}

/** Searched where no environment has a PATH. */
const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The absolute path of a program: relative to the folder where its name has a slash, else on the PATH that the program
 * itself will have, as a shell that runs as its child would find it.
 *
 * @param owner - What the program belongs to, in messages.
 * @throws {ZcontextError} `ERR_SERVICE_NOT_FOUND`.
 */
export async function findProgram(owner: string, program: string, search: ProgramSearch): Promise<string> {
  const isPath = program.includes("/");
  const path = pathOf(search);
  const [candidates, missing] = isPath
    ? [[resolve(search.folder, program)], `no program ${resolve(search.folder, program)}`]
    : [onPath(program, path.value, search), `no program "${program}" on ${describePath(path)}`];
  let refusal = missing;
  for (const candidate of candidates) {
    const fault = await faultOf(candidate);
    if (fault === undefined) return candidate;
    if (fault !== MISSING) refusal = fault;
  }
  throw new ZcontextError("ERR_SERVICE_NOT_FOUND", `${owner}: ${refusal}`);
}

interface Path {
  value: string;
  /** Set by the task's own environment. */
  isOwn: boolean;
}

function pathOf({ environment = {} }: ProgramSearch): Path {
  const { PATH: own } = environment;
  return { value: own ?? process.env.PATH ?? USUAL_PATH, isOwn: own !== undefined };
}

const MAX_PATH_LENGTH = 120;

function describePath({ value, isOwn }: Path): string {
  if (!isOwn) return "the provider's PATH";
  const cut = value.length > MAX_PATH_LENGTH ? `${value.slice(0, MAX_PATH_LENGTH)}…` : value;
  // In a shell the same line would have been expanded.
  const advice = /\$|(?:^|:)~/.test(value) ? "; $ and ~ are not expanded there" : "";
  return `the PATH of its own environment, ${cut === "" ? "which is empty" : cut}${advice}`;
}

const MISSING = "missing";

/** Why a file can't be run, in a clause; undefined where it can. */
async function faultOf(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return `${path} is not a file`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? MISSING : reasonOf(error);
  }
  return access(path, constants.X_OK).then(
    () => interpreterFault(path),
    () => `${path} is not executable; chmod +x it`,
  );
}

/** Where the interpreter of a script is missing, the system reports the script itself as missing. */
async function interpreterFault(path: string): Promise<string | undefined> {
  const head = await readHead(path).catch(() => ""); // an unreadable file may still be executable
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(head) ?? [];
  if (interpreter === undefined || (await stat(interpreter).catch(() => undefined))) return undefined;
  const lineEnds = interpreter.endsWith("\r") ? "; the file has Windows line ends" : "";
  return `${path} wants the interpreter ${JSON.stringify(interpreter)}, which is not there${lineEnds}`;
}

async function readHead(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

// An empty entry would mean the current folder.
function onPath(program: string, path: string, { runsIn = "." }: ProgramSearch): string[] {
  const folders = path.split(":").filter((entry) => entry !== "");
  return folders.map((entry) => resolve(runsIn, entry, program));
}
