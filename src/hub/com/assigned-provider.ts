// The provider of a node whose hub says where its broker is: asks before each connection, so that a hub may move.
import type { JsonObject } from "../../protocol/json.ts";
import { type ComConfiguration, readComConfiguration } from "./com-configuration.ts";
import { type OpenOptions, openProvider } from "./open-provider.ts";
import type { HubProvider } from "./providers/hub-provider.ts";

/** The longest body of a reading before the first connection, in bytes: every provider takes as much. */
const SAFE_BYTES = 252 * 1_024;

/** @param ask - What the hub says of Com: `{ provider, url, root, node }`. Rejects before the first sign-in. */
export function createAssignedHub(
  own: ComConfiguration,
  { ask, ...options }: OpenOptions & { ask(): Promise<JsonObject> },
): HubProvider {
  let present: { said: string; provider: HubProvider; node: string } | undefined;

  async function assigned(): Promise<HubProvider> {
    const { provider = "mqtt", url, root, node } = await ask();
    // Files of this machine are named by its own configuration alone.
    const told = JSON.stringify({ provider, url, root, node });
    if (present?.said === told) return present.provider;
    const given = readComConfiguration(JSON.parse(told), own.node);
    const { credentialsFile, caFile, heartbeatMs } = own;
    const opened = await openProvider({ ...given, credentialsFile, caFile, heartbeatMs }, options);
    present = { said: told, provider: opened, node: given.node };
    return opened;
  }

  return {
    get name() {
      return present?.provider.name ?? "hub";
    },
    get address() {
      return present?.provider.address ?? "the place that the service hub knows";
    },
    get node() {
      return present?.node ?? own.node;
    },
    get maxBytes() {
      return present?.provider.maxBytes ?? SAFE_BYTES;
    },
    connect: async (events, signal) => (await assigned()).connect(events, signal),
  };
}
