// The NATS client, which is installed by whoever uses this engine.
export type Core = typeof import("@nats-io/transport-node");
export type JetStream = typeof import("@nats-io/jetstream");

export interface Client {
  core: Core;
  jetstream: JetStream;
}

export async function loadClient(): Promise<Client> {
  const [core, jetstream] = await Promise.all([import("@nats-io/transport-node"), import("@nats-io/jetstream")]);
  return { core, jetstream };
}
