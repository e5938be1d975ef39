// Who sends events, calls and signals: as the provider tells it with its sums, once a second while a transaction runs.
import { connectContext } from "../../src/context/client/client.ts";
import { deferred } from "../../src/deferred.ts";
import { connectLink } from "../../src/link/link.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { isObject } from "../../src/protocol/json.ts";
import { listOf, object, oneOf, read, type Schema, text } from "../../src/protocol/schema.ts";
import type { Senders } from "./edges.ts";

/** The provider tells it each second. */
const WAIT_MS = 3_000;

const SENDERS: Schema<Senders> = object({
  senders: listOf(object({ kind: oneOf(["event", "call"]), name: text, service: text }), "a list of senders"),
  signals: listOf(object({ topic: text, publisher: text, subscriber: text }), "a list of signals"),
});

/** Undefined where the provider does not tell it: no transaction of it runs, or it is of another make. */
export async function readSenders(endpoints: Endpoints, contextFile: string): Promise<Senders | undefined> {
  await using client = await connectContext(endpoints, { contextFile });
  if ((await client.running()).length === 0) return undefined;
  const told = deferred<Senders | undefined>();
  await using _ = await connectLink(endpoints, {
    topics: ["overview"],
    onFrame({ body }) {
      const senders = isObject(body) && body.bus !== undefined ? read(SENDERS, body.bus).value : undefined;
      if (senders !== undefined) told.resolve(senders);
    },
  });
  const timer = setTimeout(() => told.resolve(undefined), WAIT_MS);
  try {
    return await told.promise;
  } finally {
    clearTimeout(timer);
  }
}
