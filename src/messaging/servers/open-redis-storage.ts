// Opens a claim store in Redis by its URL. Its package is loaded for that, which those alone need who use it.

import { missing } from "../../missing-package.ts";
import { readStoreUrl } from "../../protocol/bus-address.ts";
import type { RedisStorage } from "../claims/redis-storage.ts";
import { storeAddress } from "./server-access.ts";

const PACKAGE = "@redis/client";

/**
 * A store of large bodies in Redis, for `EventBus.connect({ storage })`. It connects with the first body.
 *
 * @param url - `redis://user:password@host:6379/0`, or `rediss://…` with the certificates that the environment names.
 * @throws {ZcontextError} `ERR_ENGINE_MISSING` without the package, `ERR_USAGE` for what is no such URL, `ERR_ENGINE_REFUSED`
 *   where credentials would travel unencrypted to another machine.
 */
export async function openRedisStorage(url: string): Promise<RedisStorage> {
  const address = await storeAddress(readStoreUrl(url));
  try {
    const { createRedisStorage } = await import("../claims/redis-storage.ts");
    return createRedisStorage(address);
  } catch (error) {
    throw missing(error, `claim store ${address.url}`, [PACKAGE]) ?? error;
  }
}
