// Finds the file of a program by its name, as a shell does, and says why a file can't be run.
import { access, constants, open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { reasonOf, ZcontextError } from "../errors.ts";

/** Searched where the environment has no PATH. */
const USUAL_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The absolute path of a program: relative to the folder where its name has a slash, else on the PATH.
 *
 * @param owner - What the program belongs to, in messages.
 * @throws {ZcontextError} `ERR_SERVICE_NOT_FOUND`.
 */
export async function findProgram(owner: string, program: string, folder: string): Promise<string> {
  const isPath = program.includes("/");
  let refusal = isPath ? `no program ${resolve(folder, program)}` : `no program "${program}" on the PATH`;
  for (const path of isPath ? [resolve(folder, program)] : onPath(program, folder)) {
    const fault = await faultOf(path);
    if (fault === undefined) return path;
    if (fault !== MISSING) refusal = fault;
  }
  throw new ZcontextError("ERR_SERVICE_NOT_FOUND", `${owner}: ${refusal}`);
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
function onPath(program: string, folder: string): string[] {
  const { PATH = USUAL_PATH } = process.env;
  const folders = PATH.split(":").filter((entry) => entry !== "");
  return folders.map((entry) => resolve(folder, entry, program));
}
