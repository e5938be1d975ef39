// Reads the configuration of the service Hub: where the hub is, which key is pinned, and what the node is known by there. Pure.
import { readElements, unfit } from "../contract/elements.ts";

export interface HubConfiguration {
  url: URL;
  /** Files; relative to the folder of the context file, or absolute. */
  keyFile: string;
  credentialsFile: string;
  tags: readonly string[];
  /** Between two sign-ins, in milliseconds. */
  periodMs: number;
}

const KNOWN = ["url", "hub_key", "credentials_file", "tags", "period_s"] as const;
/** A hub that publishes something tells its nodes; this is for those that were away then. */
const DEFAULT_PERIOD_S = 3_600;

/** @throws {ZcontextError} `ERR_CONFIG_INVALID` naming the element. */
export function readHubConfiguration(given: { readonly [name: string]: unknown }): HubConfiguration {
  const { text, seconds } = readElements("Hub", given, KNOWN);
  const needed = (name: (typeof KNOWN)[number], expected: string): string => {
    const value = text(name);
    if (value !== undefined) return value;
    throw unfit("Hub", name, expected, "none");
  };
  const place = needed("url", "https://host:port");
  const url = URL.canParse(place) ? new URL(place.replace(/\/*$/, "/")) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw unfit("Hub", "url", "https://host:port", place);
  if (url.username !== "" || url.password !== "")
    throw unfit("Hub", "url", "no credentials in it, but in <credentials_file>", `a name or a password at ${url.host}`);
  return {
    url,
    keyFile: needed("hub_key", "the file of the hub's public key, hub.pem"),
    credentialsFile: needed("credentials_file", "a file that `context-hub keygen --node NAME` has written"),
    tags: (text("tags") ?? "").split(/[\s,]+/).filter((tag) => tag !== ""),
    periodMs: seconds("period_s", DEFAULT_PERIOD_S) * 1_000,
  };
}
