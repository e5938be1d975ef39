// Decides which addresses may be bound. Anyone who reaches an open port can run code through it, so without keys only
// loopback addresses are bound. Pure.

import { ZcontextError } from "../errors.ts";
import { type Endpoints, hostOf, isLoopback } from "../protocol/endpoints.ts";

/** What to bind, and what to warn the operator of. */
export interface Exposure {
  binds: Endpoints;
  warnings: string[];
}

/**
 * Narrows the binds of a context file to the loopback interface: `tcp://*:5556` becomes `tcp://127.0.0.1:5556`.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC` where a bind or an endpoint is of another machine.
 */
export function narrowToLoopback({ binds, endpoints }: { binds: Endpoints; endpoints: Endpoints }): Exposure {
  const warnings: string[] = [];
  const narrow = (element: string, bind: string): string => {
    const narrowed = loopbackOnly(element, bind);
    if (narrowed !== bind) warnings.push(`${element} ${bind} is bound to this machine only, as ${narrowed}`);
    return narrowed;
  };
  const narrowed = { publish: narrow("FrontBind", binds.publish), subscribe: narrow("BackendBind", binds.subscribe) };
  requireLoopback("BackendEndpoint", endpoints.publish);
  requireLoopback("FrontEndEndpoint", endpoints.subscribe);
  return { binds: narrowed, warnings };
}

/**
 * The address to bind so that only this machine can connect.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_PUBLIC` for an address of another machine.
 */
export function loopbackOnly(element: string, bind: string): string {
  return hostOf(bind) === "*" ? bind.replace("*", "127.0.0.1") : requireLoopback(element, bind);
}

function requireLoopback(element: string, address: string): string {
  if (isLoopback(hostOf(address))) return address;
  throw new ZcontextError(
    "ERR_ENDPOINT_PUBLIC",
    `${element} ${address} is not on this machine, and anyone who reaches it could run code`,
    { hint: "Use 127.0.0.1 in the endpoints and binds of the context file." },
  );
}
