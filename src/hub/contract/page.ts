// What the page of a hub shows, as it travels from the hub's server. Pure.
import type { Json, JsonObject } from "../../protocol/json.ts";

/** A reading of a node. */
export interface ShownReading {
  /** As ISO 8601: when it was submitted, or else when it came. */
  time: string;
  source: string;
  body: Json;
}

/** A line of a service. */
export interface ShownLine {
  time: string;
  source: string;
  level: string;
  text: string;
}

export interface ShownNode {
  node: string;
  /** `unknown` until it has said something. */
  state: "online" | "offline" | "unknown";
  /** As ISO 8601: since when. */
  since: string;
  /** What the hub wants of it. */
  desired: { enabled: boolean; debug: boolean };
  /** What it says of itself. */
  reported: JsonObject;
  /** Installed when it last signed in. */
  services: readonly { name: string; version: string }[];
  /** The latest first. */
  readings: readonly ShownReading[];
  /** The latest first. */
  lines: readonly ShownLine[];
}

export interface ShownService {
  name: string;
  /** All that can be published, the latest first. */
  versions: readonly string[];
  /** Absent where it is not in the manifest. */
  published?: string | undefined;
  enabled: boolean;
  hosts: readonly string[];
}

export interface HubPage {
  nodes: readonly ShownNode[];
  services: readonly ShownService[];
  catalogue?: { version: number; expires: string } | undefined;
  broker: { url: string; isConnected: boolean };
  /** Whether it takes commands, which need a token. */
  takesCommands: boolean;
  /** Whether it can sign manifests. */
  signs: boolean;
}

/** A command of the page. */
export type HubCommand =
  | { kind: "node"; node: string; enabled: boolean; debug: boolean }
  | { kind: "version"; name: string; version: string }
  | { kind: "enabled"; name: string; enabled: boolean };
