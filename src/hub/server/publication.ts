// Decides what the next manifest of a hub holds. Pure.
import { ZcontextError } from "../../errors.ts";
import type { Manifest, ManifestService } from "../install/manifest.ts";

/** What is changed by a manifest. */
export type Publication =
  /** This version runs, be it a later or an earlier one. */
  | { kind: "version"; name: string; version: string }
  | { kind: "enabled"; name: string; enabled: boolean }
  | { kind: "removed"; name: string }
  /** Nothing but the time for which it counts. */
  | { kind: "renewed" };

const DAY_MS = 86_400_000;

/** @throws {ZcontextError} `ERR_USAGE` for a service or version that is not known. */
export function afterPublication(
  services: readonly ManifestService[],
  publication: Publication,
  versions: readonly ManifestService[],
): ManifestService[] {
  if (publication.kind === "renewed") return [...services];
  const { name } = publication;
  const present = services.find((service) => service.name === name);
  const others = services.filter((service) => service !== present);
  if (publication.kind === "version") {
    const found = versions.find((one) => one.name === name && one.version === publication.version);
    if (found === undefined) throw unknown(`${name} ${publication.version}`, versions);
    return sorted([...others, { ...found, enabled: present?.enabled ?? true }]);
  }
  if (present === undefined) throw unknown(name, services);
  return publication.kind === "removed" ? others : sorted([...others, { ...present, enabled: publication.enabled }]);
}

export function nextManifest(
  present: Pick<Manifest, "catalogVersion"> | undefined,
  services: readonly ManifestService[],
  { nowMs, days }: { nowMs: number; days: number },
): Manifest {
  const time = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    catalogVersion: (present?.catalogVersion ?? 0) + 1,
    issuedAt: time(nowMs),
    expires: time(nowMs + days * DAY_MS),
    services,
  };
}

/** The list of versions with another one, which takes the place of one of its name and version. */
export function withVersion(versions: readonly ManifestService[], added: ManifestService): ManifestService[] {
  return [...versions.filter(({ name, version }) => name !== added.name || version !== added.version), added];
}

function sorted(services: ManifestService[]): ManifestService[] {
  return services.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function unknown(what: string, known: readonly ManifestService[]): ZcontextError {
  const names = known.map(({ name, version }) => `${name} ${version}`);
  return new ZcontextError("ERR_USAGE", `this hub has no ${what}`, {
    hint: names.length === 0 ? "`context-hub sign --add` brings one." : `It has ${names.join(", ")}.`,
  });
}
