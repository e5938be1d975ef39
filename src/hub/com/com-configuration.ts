// Reads the configuration of Com: which provider, where the hub is, and under which name the node is known there. Pure.
import { didYouMean } from "../../suggest.ts";
import { readElements, unfit } from "../contract/elements.ts";
import { DEFAULT_ROOT, topicsOf } from "../contract/topics.ts";

export const PROVIDERS = ["mqtt", "azure-mqtt", "memory", "hub"] as const;

export interface ComConfiguration {
  provider: (typeof PROVIDERS)[number];
  /** Absent where the credentials of Azure name the hub. */
  url?: string | undefined;
  node: string;
  root: string;
  /** Relative to the folder of the context file, or absolute. */
  credentialsFile?: string | undefined;
  /** PEM, of an authority in place of those of the system. */
  caFile?: string | undefined;
  heartbeatMs: number;
}

const DEFAULT_HEARTBEAT_S = 180;
const KNOWN = ["provider", "url", "node", "root", "credentials_file", "ca_file", "heartbeat_s"] as const;

/**
 * @param fallbackNode - Its name where the configuration has none.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` naming the element.
 */
export function readComConfiguration(given: { [name: string]: unknown }, fallbackNode: string): ComConfiguration {
  const { text, seconds } = readElements("Com", given, KNOWN);
  const named = text("provider") ?? "mqtt";
  const provider = PROVIDERS.find((one) => one === named);
  if (provider === undefined)
    throw unfit("Com", "provider", PROVIDERS.join(", "), `"${named}"${didYouMean(named, PROVIDERS)}`);
  const url = text("url");
  if (provider === "mqtt" && url === undefined)
    throw unfit("Com", "url", "mqtt://host:port or mqtts://host:port", "none");
  const [node, root] = [text("node") ?? fallbackNode, text("root") ?? DEFAULT_ROOT];
  topicsOf({ node, root });
  return {
    provider,
    url,
    node,
    root,
    credentialsFile: text("credentials_file"),
    caFile: text("ca_file"),
    heartbeatMs: seconds("heartbeat_s", DEFAULT_HEARTBEAT_S) * 1_000,
  };
}
