// What the client is told of a server: where it is, who logs in, how it is encrypted; and what streams are kept there. Pure.
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { ZcontextError } from "../../../errors.ts";
import type { ServerAddress, ServerEngineOptions } from "../../contract/server.ts";
import type { Core } from "./client.ts";

/** How a stream is kept. */
export interface Keeping {
  storage: "file" | "memory";
  replicas: number;
}

/** A server that hangs is noticed after three of these, in milliseconds. */
const PING_MS = 2_000;
const PINGS_OUT = 2;
const DIAL_MS = 5_000;
/** Between two attempts to connect again, in milliseconds: short, since "back" is promised within 5 s. */
const [RETRY_MS, RETRY_JITTER_MS] = [300, 400];

const QUERY = /^[a-z+]+:\/\/([^?]*)(?:\?(.*))?$/s;

/** @throws {ZcontextError} `ERR_USAGE` for a parameter that is not known. */
export function keepingOf(url: string): Keeping {
  const [, , query = ""] = QUERY.exec(url) ?? [];
  const keeping: Keeping = { storage: "file", replicas: 1 };
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "storage" && (value === "file" || value === "memory")) keeping.storage = value;
    else if (name === "replicas" && /^[1-5]$/.test(value)) keeping.replicas = Number(value);
    else if (name !== "insecure")
      throw new ZcontextError("ERR_USAGE", `${url}: expected storage=file, storage=memory or replicas=1 to 5`, {
        hint: `${name}=${value} is none of these.`,
      });
  }
  return keeping;
}

/** Hosts and ports, as the client wants them. */
export function serversOf(url: string): string[] {
  const [, hosts = ""] = QUERY.exec(url) ?? [];
  return hosts.replace(/\/$/, "").split(",");
}

export function connectionOptions(
  { address, src }: Pick<ServerEngineOptions, "address" | "src">,
  core: Core,
  random: () => number,
): NodeConnectionOptions {
  const authenticator = authenticatorOf(address, core);
  return {
    ...{ servers: serversOf(address.url), name: src, timeout: DIAL_MS },
    ...{ pingInterval: PING_MS, maxPingOut: PINGS_OUT },
    // Rejected credentials may be accepted once whoever runs the server has mended them.
    ...{ reconnect: true, maxReconnectAttempts: -1, ignoreAuthErrorAbort: true },
    // A stack for each request, in case that it fails, costs a third of an emit.
    noAsyncTraces: true,
    reconnectDelayHandler: () => RETRY_MS + random() * RETRY_JITTER_MS,
    ...(authenticator && { authenticator }),
    ...(address.tls && { tls: encryptionOf(address.url, address.tls) }),
  };
}

/** The client names no host to TLS where that is an IP address, and TLS then checks the certificate for `localhost`. */
function encryptionOf(url: string, tls: NonNullable<ServerAddress["tls"]>) {
  const hosts = serversOf(url).map((server) => server.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
  const unnamed = hosts.filter((host) => host === UNNAMED || ADDRESS.test(host));
  return {
    ...tls,
    checkServerIdentity(name: string, certificate: PeerCertificate): Error | undefined {
      const meant = name === UNNAMED && unnamed.length > 0 ? unnamed : [name];
      const faults = meant.map((host) => checkServerIdentity(host, certificate));
      return faults.includes(undefined) ? undefined : faults[0];
    },
  };
}

const UNNAMED = "localhost";
const ADDRESS = /^[\d.]+$|:/;

function authenticatorOf({ login }: ServerAddress, core: Core): NodeConnectionOptions["authenticator"] {
  if (login === undefined) return undefined;
  if ("token" in login) return core.tokenAuthenticator(login.token);
  if ("credentials" in login) return core.credsAuthenticator(Buffer.from(login.credentials));
  return core.usernamePasswordAuthenticator(login.user, login.pass);
}
