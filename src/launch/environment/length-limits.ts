// Says which part of a command line or an environment is too long for the system, which itself only says that something is.
import { MAX_WORD_BYTES } from "../../config/command.ts";
import { quote } from "../../config/xml/problems.ts";
import { ZcontextError } from "../../errors.ts";
import { readLimits } from "./descriptors.ts";

/** What a process is started with. */
export interface Invocation {
  /** The program and its arguments. */
  words: readonly string[];
  environment: NodeJS.ProcessEnv;
}

/** The system stores a pointer for each word and each variable, and a byte behind it. */
const BYTES_EACH = 9;
const LONGEST_SHOWN = 3;

/**
 * The error of a spawn that failed because of a length: it names the parts that are too long or, where only all together are,
 * the longest ones. Undefined for other errors.
 *
 * @see https://man7.org/linux/man-pages/man2/execve.2.html, "Limits on size of arguments and environment"
 */
export function tooLong(error: unknown, invocation: Invocation, limits = readLimits()): ZcontextError | undefined {
  if ((error as NodeJS.ErrnoException).code !== "E2BIG") return undefined;
  return new ZcontextError("ERR_SERVICE_INVALID", explain(partsOf(invocation), limits), { cause: error });
}

interface Part {
  name: string;
  bytes: number;
}

function partsOf({ words, environment }: Invocation): Part[] {
  const args = words.map((word) => ({ name: `the argument ${quote(word)}`, bytes: Buffer.byteLength(word) }));
  const variables = Object.entries(environment).map(([name, value]) => ({
    name: `the variable ${name}`,
    bytes: Buffer.byteLength(`${name}=${value}`),
  }));
  return [...args, ...variables].toSorted((one, other) => other.bytes - one.bytes);
}

function explain(parts: readonly Part[], limits: string): string {
  const longest = parts.slice(0, LONGEST_SHOWN);
  const beyond = longest.filter(({ bytes }) => bytes > MAX_WORD_BYTES);
  if (beyond.length > 0)
    return `${beyond.map(describe).join(", ")}; the system takes at most ${MAX_WORD_BYTES} bytes of each`;
  const total = parts.reduce((sum, { bytes }) => sum + bytes + BYTES_EACH, 0);
  const all = `all arguments and variables have ${total} bytes together${describeTotal(limits)}`;
  return `${all}; the longest: ${longest.map(describe).join(", ")}`;
}

function describe({ name, bytes }: Part): string {
  return `${name} has ${bytes} bytes`;
}

const MIN_TOTAL = 128 * 1024;
const MAX_TOTAL = 6 * 1024 * 1024;

/** On Linux all together may take a quarter of the stack. */
function describeTotal(limits: string): string {
  const [, soft] = /^Max stack size\s+(\S+)/m.exec(limits) ?? [];
  if (soft === undefined) return "";
  const quarter = Number(soft) / 4; // "unlimited" is no number
  const total = Math.min(Number.isNaN(quarter) ? MAX_TOTAL : Math.max(Math.floor(quarter), MIN_TOTAL), MAX_TOTAL);
  return `, and the system takes at most ${total} (a quarter of the stack, ulimit -s)`;
}
