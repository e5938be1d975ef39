// Decides which addresses may be bound. Anyone who reaches an open port can run code through it, so without keys only
// loopback addresses are bound. Pure.

import { ZcontextError } from "../errors.ts";
import { addressOf, type Endpoints, hostOf, isIpv6, isLoopback } from "../protocol/endpoints.ts";

/** What to bind, where peers connect, and what to warn the operator of. */
export interface Exposure {
  binds: Endpoints;
  endpoints: Endpoints;
  warnings: string[];
}

/**
 * Narrows the binds of a context file to the loopback interface: `tcp://*:5556` becomes `tcp://127.0.0.1:5556`, or the
 * loopback address that the endpoint names.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC` where a bind or an endpoint is of another machine.
 */
export function narrowToLoopback({ binds, endpoints }: { binds: Endpoints; endpoints: Endpoints }): Exposure {
  const warnings: string[] = [];
  const narrow = (element: string, bind: string, endpoint: string): string => {
    if (hostOf(bind) !== "*") return requireLoopback(element, bind);
    const narrowed = bind.replace("*", hostOf(endpoint));
    warnings.push(`${element} ${bind} is bound to this machine only, as ${narrowed}`);
    return narrowed;
  };
  const reached = {
    publish: requireLoopback("BackendEndpoint", endpoints.publish),
    subscribe: requireLoopback("FrontEndEndpoint", endpoints.subscribe),
  };
  const narrowed = {
    publish: narrow("FrontBind", binds.publish, reached.publish),
    subscribe: narrow("BackendBind", binds.subscribe, reached.subscribe),
  };
  return { binds: narrowed, endpoints: reached, warnings };
}

/**
 * The address to bind so that only this machine can connect.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC` for an address of another machine.
 */
export function loopbackOnly(element: string, bind: string): string {
  return hostOf(bind) === "*" ? bind.replace("*", "127.0.0.1") : requireLoopback(element, bind);
}

/** In words, that an address could not be bound because this machine has no IPv6; undefined for other errors. */
export function missingIpv6(address: string, error: unknown): string | undefined {
  const { code = "" } = error as NodeJS.ErrnoException;
  const isMissing = isIpv6(address) && ["EADDRNOTAVAIL", "EAFNOSUPPORT", "ENODEV"].includes(code);
  return isMissing ? "this machine has no IPv6 loopback address; use 127.0.0.1, or enable IPv6" : undefined;
}

function requireLoopback(element: string, address: string): string {
  if (isLoopback(hostOf(address))) return addressOf(address);
  throw new ZcontextError(
    "ERR_ENDPOINT_PUBLIC",
    `${element} ${address} is not on this machine, and anyone who reaches it could run code`,
    { hint: "Use 127.0.0.1 in the endpoints and binds of the context file." },
  );
}
