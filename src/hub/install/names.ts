// Decides which names of services, versions and files may become paths in the store. Pure.
import { ZcontextError } from "../../errors.ts";
import { MAX_PATH_CHARACTERS } from "./bounds.ts";

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,62}$/;
const MODULE = /\.[cm]?[jt]s$/;

/** @throws {ZcontextError} `ERR_INSTALL_PATH`. */
export function assertServiceName(name: string): void {
  if (!NAME.test(name)) throw pathError(`service ${shown(name)}: expected a letter, then letters, digits, _ and -`);
}

/** @throws {ZcontextError} `ERR_INSTALL_PATH`. */
export function assertVersion(service: string, version: string): void {
  if (!VERSION.test(version) || version.includes(".."))
    throw pathError(`${service}: version ${shown(version)}: expected a digit or letter, then digits, letters and .+_-`);
}

/** The module that is started. @throws {ZcontextError} `ERR_INSTALL_PATH`. */
export function assertEntry(service: string, entry: string): void {
  const problem = problemOf(entry);
  if (problem !== undefined) throw pathError(`${service}: entry ${shown(entry)} ${problem}`);
  if (!MODULE.test(entry))
    throw pathError(`${service}: entry ${shown(entry)}: expected a module, .js, .mjs, .cjs or .ts`);
}

/** Why a path of an archive must not be written; undefined for one that may. A folder may end with a slash. */
export function problemOf(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.length > MAX_PATH_CHARACTERS) return `has more than ${MAX_PATH_CHARACTERS} characters`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(path)) return "has a control character";
  if (/\p{Surrogate}|\ufffd/u.test(path)) return "is no UTF-8 text";
  if (path.includes("\\")) return "has a backslash";
  if (path.startsWith("/") || /^[a-z]:/i.test(path)) return "is absolute";
  const steps = withoutDot(path).split("/");
  if (steps.includes("..")) return "leads out of its folder";
  return steps.includes("") || steps.includes(".") ? "has an empty step" : undefined;
}

/** Equal for paths that one file system or another takes for the same. */
export function foldedPath(path: string): string {
  return withoutDot(path).normalize("NFC").toLowerCase();
}

/** Archives of a folder have `./` before each path. */
function withoutDot(path: string): string {
  return path.replace(/^\.\//, "").replace(/\/$/, "");
}

/** As it stands in a message: what came from outside may hold anything. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function pathError(message: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_PATH", message, {
    hint: "A service lies in a folder of its own; nothing it brings may lead out of it.",
  });
}
