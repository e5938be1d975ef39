// Reads the configuration of Com: which provider, where the hub is, and under which name the node is known there. Pure.
import { ZcontextError } from "../../errors.ts";
import { didYouMean } from "../../suggest.ts";
import { DEFAULT_ROOT, topicsOf } from "../contract/topics.ts";

export const PROVIDERS = ["mqtt", "azure-mqtt", "memory"] as const;

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
  const unknown = Object.keys(given).find((name) => !OTHERS.has(name) && !KNOWN.some((one) => one === name));
  if (unknown !== undefined)
    throw invalid(unknown, `one of ${KNOWN.join(", ")}`, `<${unknown}>${didYouMean(unknown, KNOWN)}`);
  const text = (name: (typeof KNOWN)[number]): string | undefined => {
    const value = given[name];
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string") return value;
    throw invalid(name, "text", JSON.stringify(value));
  };
  const named = text("provider") ?? "mqtt";
  const provider = PROVIDERS.find((one) => one === named);
  if (provider === undefined)
    throw invalid("provider", PROVIDERS.join(", "), `"${named}"${didYouMean(named, PROVIDERS)}`);
  const url = text("url");
  if (provider === "mqtt" && url === undefined) throw invalid("url", "mqtt://host:port or mqtts://host:port", "none");
  const seconds = Number(text("heartbeat_s") ?? DEFAULT_HEARTBEAT_S);
  if (!(seconds >= 1 && seconds <= 86_400)) throw invalid("heartbeat_s", "1 to 86400", String(given.heartbeat_s));
  const [node, root] = [text("node") ?? fallbackNode, text("root") ?? DEFAULT_ROOT];
  topicsOf({ node, root });
  return {
    provider,
    url,
    node,
    root,
    credentialsFile: text("credentials_file"),
    caFile: text("ca_file"),
    heartbeatMs: seconds * 1_000,
  };
}

/** What any task may have in its configuration. */
const OTHERS: ReadonlySet<string> = new Set(["location", "device_action", "health_port", "health_host"]);

function invalid(name: string, expected: string, got: string): ZcontextError {
  return new ZcontextError("ERR_CONFIG_INVALID", `Com, <${name}>: expected ${expected}, got ${got}`);
}
