// Decides what may be opened to whom. An open port is a shell for whoever reaches it, so without keys
// nothing but this machine is let in. Pure: it binds nothing itself.

import type { Endpoints } from "../config/context-config.ts";
import { isLoopback } from "../config/endpoint-reader.ts";
import { ContextError } from "../errors.ts";

/** What to bind, and what to tell the operator about it. */
export interface Exposure {
  binds: Endpoints;
  warnings: string[];
}

/**
 * Narrows the binds of a context file to the loopback interface: `tcp://*:5556` becomes `tcp://127.0.0.1:5556`.
 *
 * @throws {ContextError} `ERR_ENDPOINT_PUBLIC` where that can't serve the file: a bind or an endpoint of another machine.
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
 * The address to bind so that nobody but this machine gets in.
 *
 * @throws {ContextError} `ERR_ENDPOINT_PUBLIC` for an address of another machine.
 */
export function loopbackOnly(element: string, bind: string): string {
  return hostOf(bind) === "*" ? bind.replace("*", "127.0.0.1") : requireLoopback(element, bind);
}

/** The addresses peers on this machine connect to, once the system has chosen the ports written as `*`. */
export function resolveEndpoints(endpoints: Endpoints, bound: Endpoints): Endpoints {
  const resolve = (endpoint: string, at: string) => (portOf(endpoint) === "*" ? at : endpoint);
  return {
    publish: resolve(endpoints.publish, bound.publish),
    subscribe: resolve(endpoints.subscribe, bound.subscribe),
  };
}

/** Whether the system is to choose a port, so that the file alone does not say where to connect. */
export function isWildcard({ publish, subscribe }: Endpoints): boolean {
  return portOf(publish) === "*" || portOf(subscribe) === "*";
}

function requireLoopback(element: string, address: string): string {
  if (isLoopback(hostOf(address))) return address;
  throw new ContextError(
    "ERR_ENDPOINT_PUBLIC",
    `${element} ${address} is not on this machine, and anyone who reaches it could run code`,
    {
      hint: "Use 127.0.0.1 in the endpoints and binds of the context file.",
    },
  );
}

function hostOf(address: string): string {
  return address.slice("tcp://".length, address.lastIndexOf(":"));
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}
