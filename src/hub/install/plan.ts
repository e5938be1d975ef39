// Decides what follows from a manifest at a node: which services are installed, updated, removed or left as they are, and why.
// Pure.
import type { Json, JsonObject } from "../../protocol/json.ts";
import { canonicalize } from "./canonical.ts";
import type { Manifest, ManifestService } from "./manifest.ts";

/** One version of a service in the store. */
export interface InstalledVersion {
  version: string;
  /** Of its archive. */
  sha256: string;
  entry: string;
  /** Of the task, every value as text. */
  config: JsonObject;
}

export interface InstalledService extends InstalledVersion {
  name: string;
  /** The version before, which is kept as well. */
  previous?: InstalledVersion;
}

export type StepAction = "install" | "update" | "keep" | "remove" | "skip";

/** What is done about one service. */
export interface Step {
  action: StepAction;
  name: string;
  version: string;
  /** Why, in a few words. */
  reason: string;
  /** To be installed. */
  service?: ManifestService;
}

/** Who the node is, for the `hosts` of a service. */
export interface NodeIdentity {
  /** Name of the node and of its machine. */
  names: readonly string[];
  tags: readonly string[];
}

export function planInstallation(
  { services }: Pick<Manifest, "services">,
  installed: readonly InstalledService[],
  node: NodeIdentity,
): Step[] {
  const present = new Map(installed.map((service) => [service.name, service]));
  const steps = services.map((service) => stepFor(service, present.get(service.name), node));
  const named = new Set(services.map(({ name }) => name));
  const gone = installed.filter(({ name }) => !named.has(name));
  return [...steps, ...gone.map((service) => removal(service, "the manifest does not have it"))];
}

function stepFor(service: ManifestService, present: InstalledService | undefined, node: NodeIdentity): Step {
  const { name, version } = service;
  const absence = absenceOf(service, node);
  if (absence !== undefined)
    return present === undefined ? { action: "skip", name, version, reason: absence } : removal(present, absence);
  if (present === undefined) return { action: "install", name, version, reason: "new", service };
  const change = changeOf(service, present);
  if (change === undefined) return { action: "keep", name, version, reason: "unchanged" };
  return { action: "update", name, version, reason: change, service };
}

/** Why a service does not run at this node; undefined where it does. */
function absenceOf({ enabled, hosts }: ManifestService, { names, tags }: NodeIdentity): string | undefined {
  if (!enabled) return "enabled is false";
  if (hosts.length === 0 || hosts.some((host) => names.includes(host) || tags.includes(host))) return undefined;
  return `it is for ${hosts.join(", ")}`;
}

function changeOf(service: ManifestService, present: InstalledService): string | undefined {
  if (service.version !== present.version) return `from ${present.version}`;
  if (service.sha256 !== present.sha256) return "another archive of the same version";
  if (service.entry !== present.entry) return `entry was ${present.entry}`;
  return canonicalize(asTexts(service.config)) === canonicalize(present.config) ? undefined : "another config";
}

function removal({ name, version }: InstalledService, reason: string): Step {
  return { action: "remove", name, version, reason };
}

/** The configuration of a task as a context file would have it, where every value is text. */
export function asTexts(config: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, asText(value as Json)]));
}

function asText(value: Json): Json {
  if (Array.isArray(value)) return value.map(asText);
  return typeof value === "object" && value !== null ? asTexts(value) : String(value);
}

/** What a version becomes in the store once it is there. */
export function versionOf({ version, sha256, entry, config }: ManifestService): InstalledVersion {
  return { version, sha256, entry, config: asTexts(config) };
}

/** The list of services after a step. */
export function afterStep(installed: readonly InstalledService[], { action, name, service }: Step): InstalledService[] {
  const others = installed.filter((other) => other.name !== name);
  if (action === "keep" || action === "skip") return [...installed];
  if (service === undefined) return others;
  const present = installed.find((other) => other.name === name);
  const next = versionOf(service);
  const previous = present === undefined ? undefined : previousOf(present, next);
  return [...others, { name, ...next, ...(previous && { previous }) }];
}

/** The version whose files are kept beside those of the next one: another config of the same files replaces none. */
function previousOf(present: InstalledService, next: InstalledVersion): InstalledVersion | undefined {
  const isSame = present.version === next.version && present.sha256 === next.sha256;
  return isSame ? present.previous : withoutPrevious(present);
}

function withoutPrevious({ version, sha256, entry, config }: InstalledVersion): InstalledVersion {
  return { version, sha256, entry, config };
}
