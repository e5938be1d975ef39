// The NATS client, which is installed by whoever uses this engine.
import { reasonOf, ZcontextError } from "../../../errors.ts";

export type Core = typeof import("@nats-io/transport-node");
export type JetStream = typeof import("@nats-io/jetstream");

export interface Client {
  core: Core;
  jetstream: JetStream;
}

/** @throws {ZcontextError} `ERR_ENGINE_MISSING`. */
export async function loadClient(): Promise<Client> {
  try {
    const [core, jetstream] = await Promise.all([import("@nats-io/transport-node"), import("@nats-io/jetstream")]);
    return { core, jetstream };
  } catch (error) {
    throw new ZcontextError("ERR_ENGINE_MISSING", `engine nats: its client can't be loaded: ${reasonOf(error)}`, {
      hint: "npm install @nats-io/transport-node @nats-io/jetstream",
      cause: error,
    });
  }
}
