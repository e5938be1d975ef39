import { createServer } from "node:net";
import { reasonOf } from "../errors.ts";
import { hostOf } from "../protocol/endpoints.ts";
import { missingIpv6 } from "./exposure.ts";

/** Why nothing can be bound to the host of an address, in a clause; undefined where something can. The port is not tried. */
export async function faultOfHost(address: string): Promise<string | undefined> {
  const host = hostOf(address).replace(/^\[(.*)\]$/, "$1");
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host, port: 0 }, resolve);
    });
    return undefined;
  } catch (error) {
    return `cannot bind ${address}: ${missingIpv6(address, error) ?? reasonOf(error)}`;
  } finally {
    server.close();
  }
}
