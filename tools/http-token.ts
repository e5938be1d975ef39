// The token that the dashboard takes commands with: from --http-token, a file that it names, or the environment.
import { readFileSync, statSync } from "node:fs";
import { reasonOf, ZcontextError } from "../src/errors.ts";
import type { Log } from "../src/log.ts";

const VARIABLE = "ZCONTEXT_HTTP_TOKEN";
/** Shorter ones could be guessed. */
const MIN_LENGTH = 16;
/** The permission bits of the group and of all other users. */
const OTHERS = 0o077;

/**
 * Reads the token; undefined where there is none.
 *
 * @param given - The value of --http-token.
 * @throws {ZcontextError} `ERR_USAGE`.
 */
export function readHttpToken(given: string | undefined, log: Log): string | undefined {
  const { [VARIABLE]: fromEnvironment } = process.env;
  // The tasks must not inherit it: they could give commands.
  delete process.env[VARIABLE];
  const word = given ?? fromEnvironment;
  if (word === undefined || word === "") return undefined;
  const isFile = word.startsWith("@");
  if (given !== undefined && !isFile)
    log.warn({ reason: `use --http-token @FILE, or ${VARIABLE}` }, "every user of this machine can see the token");
  const token = isFile ? readTokenFile(word.slice(1)) : word;
  if (token.length >= MIN_LENGTH && /^[!-~]+$/.test(token)) return token;
  throw new ZcontextError(
    "ERR_USAGE",
    `--http-token: expected ${MIN_LENGTH} or more ASCII characters without white space, got ${token.length} characters`,
    { hint: "`openssl rand -hex 16 > FILE && chmod 600 FILE` makes one; give it as `--http-token @FILE`." },
  );
}

function readTokenFile(path: string): string {
  try {
    const { mode } = statSync(path);
    const text = readFileSync(path, "utf8").trim();
    if ((mode & OTHERS) === 0) return text;
  } catch (cause) {
    throw new ZcontextError("ERR_USAGE", `--http-token: can't read ${path}: ${reasonOf(cause)}`, { cause });
  }
  throw new ZcontextError("ERR_USAGE", `--http-token: other users may read or write ${path}`, {
    hint: `Run \`chmod 600 ${path}\`, and make a new token if they may have read this one.`,
  });
}
