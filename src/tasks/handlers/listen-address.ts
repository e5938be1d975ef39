// Reads where a service listens from its configuration: `health_port` and `health_host`, `http_port` and `http_host`. Pure.
import { ZcontextError } from "../../errors.ts";
import type { JsonObject } from "../../protocol/json.ts";

const MAX_PORT = 65_535;

/**
 * @returns Port (0: one that the system chooses) and host, this machine's own by default.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` naming the element.
 */
export function listenAddress(configuration: JsonObject, name: "health" | "http"): { port: number; host: string } {
  const { [`${name}_port`]: given = "", [`${name}_host`]: host = "127.0.0.1" } = configuration;
  const port = /^\d{1,5}$/.test(String(given)) ? Number(given) : Number.NaN;
  if (!(port <= MAX_PORT)) throw invalid(`${name}_port`, `0 to ${MAX_PORT}`, given);
  if (typeof host !== "string" || host === "") throw invalid(`${name}_host`, "an address", host);
  return { port, host };
}

function invalid(name: string, expected: string, got: unknown): ZcontextError {
  return new ZcontextError("ERR_CONFIG_INVALID", `${name}: expected ${expected}, got ${JSON.stringify(got)}`);
}
