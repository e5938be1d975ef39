// A bus of variables that say where RabbitMQ is: it is there at once, and its engine is connected meanwhile.
import { ZcontextError } from "../errors.ts";
import { BUS_CLAIM_STORE } from "../protocol/environment.ts";
import type { BusOptions } from "./bus-types.ts";
import { createLateEngine } from "./late-engine.ts";
import { prefixedUrl } from "./servers/prefixed-environment.ts";

/** @throws {ZcontextError} `ERR_ENVIRONMENT_INVALID` naming every variable that is missing. */
export function prefixedBus(prefix: string): BusOptions {
  const url = prefixedUrl(prefix, process.env);
  const src = `/${process.title}/${process.pid}`;
  const connected = import("./connect.ts").then(({ connectEngine }) => connectEngine({ url, src }));
  const engine = connected.then(({ engine }) => engine);
  const storage = async () => {
    const { storage } = await connected;
    if (storage === undefined)
      throw new ZcontextError("ERR_MESSAGE_TOO_LARGE", "the engine carries 1 MiB, and there is no claim store", {
        hint: `Name one with ${BUS_CLAIM_STORE}.`,
      });
    return storage;
  };
  return {
    engine: createLateEngine("rabbitmq", engine),
    src,
    storage: {
      storeMessage: async (...words) => (await storage()).storeMessage(...words),
      recoverMessage: async (...words) => (await storage()).recoverMessage(...words),
    },
    release: async () => (await connected.catch(() => undefined))?.release?.(),
  };
}
