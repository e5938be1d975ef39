// Decides which requests are allowed. A page of another origin in the same browser can reach this server: the browser keeps
// it from reading answers, and this file keeps it from commanding. A foreign host name that resolves to this server (DNS
// rebinding) is refused. Pure.
import { createHash, timingSafeEqual } from "node:crypto";
import { type Address, isPrivate } from "./address.ts";
import type { Route } from "./routing.ts";

/** What the decision depends on. Header names are in lower case, as node gives them. */
export interface AccessRequest {
  headers: { readonly [name: string]: string | string[] | undefined };
  route: Route;
}

export interface Rules {
  address: Address;
  /** Of this machine; allowed as host name where the server is bound to all addresses. */
  hostname: string;
  token: string | undefined;
  /** Whether it is reached over TLS. */
  isSecure?: boolean;
}

/** Why a request is refused. */
export interface Denial {
  status: 400 | 401 | 403 | 415 | 421;
  reason: string;
}

/** Undefined for a request that is allowed. */
export function denial({ headers, route }: AccessRequest, rules: Rules): Denial | undefined {
  const host = single(headers.host);
  if (host === undefined || !isOurName(host, rules))
    return { status: 421, reason: `this server is not called ${JSON.stringify(host ?? "")}` };
  const origin = single(headers.origin);
  if (origin !== undefined && origin.toLowerCase() !== `${rules.isSecure ? "https" : "http"}://${host.toLowerCase()}`)
    return { status: 403, reason: "pages of other origins are not served" };
  const isForeign = ["cross-site", "same-site"].includes(single(headers["sec-fetch-site"]) ?? "");
  // A link on another site may lead to the page, and to nothing else.
  if (isForeign && route.kind !== "page") return { status: 403, reason: "pages of other origins are not served" };
  const isCommand = route.kind === "command" || route.kind === "letter-command";
  return isCommand ? commandDenial(headers, rules) : readDenial(headers, route, rules);
}

function commandDenial(headers: AccessRequest["headers"], { token }: Rules): Denial | undefined {
  if (token === undefined) return { status: 403, reason: "read-only: the provider was started without --http-token" };
  if (!isGiven(headers, token)) return { status: 401, reason: "a command needs the token" };
  // A form of another page can't send this content type.
  const type = single(headers["content-type"])?.split(";")[0]?.trim().toLowerCase();
  return type === "application/json" ? undefined : { status: 415, reason: "expected content-type: application/json" };
}

// The page itself holds no data, and a health probe has no token.
function readDenial(headers: AccessRequest["headers"], route: Route, { address, token }: Rules): Denial | undefined {
  if (route.kind === "page" || route.kind === "health" || isPrivate(address)) return undefined;
  if (token !== undefined && isGiven(headers, token)) return undefined;
  return { status: 401, reason: "a request from another machine needs the token" };
}

function isOurName(host: string, { address, hostname }: Rules): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const bound = address.host.includes(":") ? `[${address.host}]` : address.host;
  if (["localhost", "127.0.0.1", "[::1]", bound.toLowerCase()].includes(name)) return true;
  const isOpen = address.host === "0.0.0.0" || address.host === "::";
  // A name may be a foreign one that resolves to this server; a numeric address is where the browser really connected.
  return isOpen && (name === hostname.toLowerCase() || /^[\d.]+$/.test(name) || /^\[[\da-f:.]+\]$/.test(name));
}

function isGiven(headers: AccessRequest["headers"], token: string): boolean {
  const [, given] = /^Bearer +(\S+) *$/i.exec(single(headers.authorization) ?? "") ?? [];
  return given !== undefined && isSame(given, token);
}

// Takes the same time however many characters match.
function isSame(given: string, expected: string): boolean {
  const [one, other] = [given, expected].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(one as Buffer, other as Buffer);
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
