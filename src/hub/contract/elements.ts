// Reads the configuration of an internal service: elements that hold text, and no others, so that a misspelt one is told. Pure.
import { ZcontextError } from "../../errors.ts";
import { didYouMean } from "../../suggest.ts";

/** What any task may have in its configuration. */
const OTHERS: ReadonlySet<string> = new Set(["location", "device_action", "health_port", "health_host"]);

export interface Elements<Name extends string> {
  /** Undefined for one that is absent or empty. @throws {ZcontextError} `ERR_CONFIG_INVALID` where it is not text. */
  text(name: Name): string | undefined;
  /** @throws {ZcontextError} `ERR_CONFIG_INVALID` */
  seconds(name: Name, fallback: number): number;
}

/**
 * @param service - Its instance, such as `Com`, for errors.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` naming an element that is none of `known`.
 */
export function readElements<Name extends string>(
  service: string,
  given: { readonly [name: string]: unknown },
  known: readonly Name[],
): Elements<Name> {
  const unknown = Object.keys(given).find((name) => !OTHERS.has(name) && !known.some((one) => one === name));
  if (unknown !== undefined)
    throw unfit(service, unknown, `one of ${known.join(", ")}`, `<${unknown}>${didYouMean(unknown, known)}`);
  const text = (name: Name): string | undefined => {
    const value = given[name];
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string") return value;
    throw unfit(service, name, "text", JSON.stringify(value));
  };
  return {
    text,
    seconds(name, fallback) {
      const seconds = Number(text(name) ?? fallback);
      if (seconds >= 1 && seconds <= 86_400) return seconds;
      throw unfit(service, name, "1 to 86400", String(given[name]));
    },
  };
}

export function unfit(service: string, name: string, expected: string, got: string): ZcontextError {
  return new ZcontextError("ERR_CONFIG_INVALID", `${service}, <${name}>: expected ${expected}, got ${got}`);
}
