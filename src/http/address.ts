// Decides where the server may listen. Answers reveal much, and commands run code: without a token only loopback is
// allowed. Pure.
import { ZcontextError } from "../errors.ts";
import { isLoopback } from "../protocol/endpoints.ts";

export interface Address {
  /** Without the brackets of an IPv6 address. */
  host: string;
  /** 0 for a port that the system chooses. */
  port: number;
}

const ADDRESS = /^(?:(\[[\da-f:.]+\]|[a-z\d.-]+|\*):)?(\d{1,5}|\*)$/i;

/**
 * Reads `127.0.0.1:8080`, `[::1]:8080`, `*:8080`, or a port alone, which means 127.0.0.1.
 *
 * @throws {ZcontextError} `ERR_USAGE`, or `ERR_ENDPOINT_PUBLIC` for an address that other machines reach, without a token.
 */
export function readAddress(text: string, { hasToken }: { hasToken: boolean }): Address {
  const [, host = "127.0.0.1", digits = ""] = ADDRESS.exec(text) ?? [];
  const port = digits === "*" ? 0 : Number(digits);
  if (digits === "" || port > 65_535)
    throw new ZcontextError("ERR_USAGE", `--http: expected HOST:PORT or PORT, got ${JSON.stringify(text)}`);
  if (!isLoopback(host) && !hasToken)
    throw new ZcontextError("ERR_ENDPOINT_PUBLIC", `--http ${text} can be reached by other machines`, {
      hint: "Use 127.0.0.1 and reach it with `ssh -L`, or give a token with --http-token @FILE.",
    });
  return { host: host === "*" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}

/** Whether only this machine can reach it. */
export function isPrivate({ host }: Address): boolean {
  return isLoopback(host.includes(":") ? `[${host}]` : host);
}

/** As it stands in a URL. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
