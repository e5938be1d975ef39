// A folder as a hub has it: archives, and a manifest that is signed.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Manifest, type ManifestService, manifestBytes } from "../../src/hub/install/manifest.ts";
import { createKeys, readPrivateKey, readPublicKey, signatureOf } from "../../src/hub/install/signature.ts";
import { type ArchiveEntry, archiveOf, sha256Of } from "./archives.ts";
import type { Folder } from "./folder.ts";
import { aService } from "./manifests.ts";

export const HUB_KEYS = createKeys();
export const HUB_KEY = readPublicKey(HUB_KEYS.publicKey, "hub.pem");

/** The module of a service, which says its version. */
export function moduleOf(version: string): ArchiveEntry {
  return { path: "ServiceThermometer.mjs", text: `export const version = ${JSON.stringify(version)};\n` };
}

/** Writes the archive of a service, and answers what the manifest says of it. */
export async function addArchive(
  folder: Folder,
  change: Partial<ManifestService> = {},
  bytes = archiveOf([moduleOf(change.version ?? "1.0.0")]),
): Promise<ManifestService> {
  const { name, version } = aService(change);
  const url = `archives/${name}-${version}.tgz`;
  await mkdir(dirname(folder.at(url)), { recursive: true });
  await writeFile(folder.at(url), bytes);
  return aService({ url, size: bytes.length, sha256: sha256Of(bytes), ...change });
}

/** Writes and signs a manifest that counts today. */
export async function publish(
  folder: Folder,
  services: readonly ManifestService[],
  change: Partial<Manifest> = {},
): Promise<void> {
  const [issuedAt, expires] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  const manifest = { catalogVersion: 1, issuedAt, expires, services, ...change } as Manifest;
  const bytes = manifestBytes(manifest);
  await folder.write("manifest.json", bytes.toString());
  await folder.write("manifest.sig", signatureOf(bytes, readPrivateKey(HUB_KEYS.privateKey, "hub.key")));
}
