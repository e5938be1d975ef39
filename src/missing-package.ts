// Tells a package that is not installed from other reasons why code can't be loaded. Pure.
import { ZcontextError } from "./errors.ts";

/** What to do where a package could not be loaded; undefined where that is not the reason. */
export function missing(error: unknown, what: string, packages: readonly string[]): ZcontextError | undefined {
  const isMissing = error instanceof Error && "code" in error && /^(ERR_)?MODULE_NOT_FOUND$/.test(String(error.code));
  if (!isMissing || !packages.some((name) => error.message.includes(name))) return undefined;
  return new ZcontextError("ERR_ENGINE_MISSING", `${what} needs ${packages.join(" and ")}, not installed here`, {
    hint: `npm install ${packages.join(" ")}`,
    cause: error,
  });
}
