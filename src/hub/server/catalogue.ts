// The folder of a hub: its keys, the archives of services, every version that was ever added, and the manifest that counts.
//
//   hub.key, hub.pem       the private key, mode 0600, and the public one that nodes pin
//   nodes.json             nodes that may sign in: names, and hashes of what they sign in with
//   archives/              <name>-<version>.tgz
//   versions.json          all services and versions that can be published
//   manifest.json, .sig    what is published
import { createHash, type KeyObject } from "node:crypto";
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { pack } from "../install/archive.ts";
import { type Manifest, type ManifestService, manifestBytes, readDraft } from "../install/manifest.ts";
import { readPrivateKey, signatureOf } from "../install/signature.ts";
import { afterPublication, nextManifest, type Publication, withVersion } from "./publication.ts";

/** How long a manifest counts unless something else is said. */
export const DEFAULT_DAYS = 30;

const PRIVATE = 0o600;
const OTHERS = 0o077;

/** A version to be added: where it lies, and what the manifest says of it. */
export interface Addition extends Omit<ManifestService, "url" | "size" | "sha256" | "enabled"> {
  /** A folder, or an archive `.tgz`. */
  path: string;
}

/** The manifest of a hub's folder; undefined where nothing was published. @throws {ZcontextError} `ERR_INSTALL_…`. */
export async function readPublished(folder: string): Promise<Manifest | undefined> {
  const bytes = await readIfThere(join(folder, "manifest.json"));
  return bytes && readDraft(bytes);
}

/** All versions that can be published, the latest last. */
export async function readVersions(folder: string): Promise<ManifestService[]> {
  const bytes = await readIfThere(join(folder, "versions.json"));
  if (bytes === undefined) return [];
  return JSON.parse(bytes.toString("utf8")) as ManifestService[];
}

/** Packs a version and keeps it; nothing is published by that. */
export async function addVersion(folder: string, { path, ...service }: Addition): Promise<ManifestService> {
  const url = `archives/${service.name}-${service.version}.tgz`;
  await mkdir(join(folder, "archives"), { recursive: true });
  const archive = join(folder, url);
  const unfinished = `${archive}.tmp`;
  const found = await stat(path).catch((error: unknown) => {
    throw new ZcontextError("ERR_USAGE", `--add ${path}: ${reasonOf(error)}`);
  });
  await rm(unfinished, { force: true });
  if (found.isDirectory()) await pack(path, unfinished);
  else await copyFile(path, unfinished);
  await rename(unfinished, archive);
  const bytes = await readFile(archive);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const version: ManifestService = { ...service, url, size: bytes.length, sha256, enabled: true };
  const all = withVersion(await readVersions(folder), version);
  await writeWhole(join(folder, "versions.json"), `${JSON.stringify(all, undefined, 2)}\n`);
  return version;
}

/** Signs the next manifest, which differs from the present one in this, and publishes it. */
export async function publishChange(
  folder: string,
  publication: Publication,
  { key, days = DEFAULT_DAYS }: { key: KeyObject; days?: number },
): Promise<Manifest> {
  const present = await readPublished(folder);
  const services = afterPublication(present?.services ?? [], publication, await readVersions(folder));
  const manifest = nextManifest(present, services, { nowMs: Date.now(), days });
  await publishManifest(folder, manifest, key);
  return manifest;
}

/** Signs a manifest as it is, and publishes it. */
export async function publishManifest(folder: string, manifest: Manifest, key: KeyObject): Promise<void> {
  const bytes = manifestBytes(manifest);
  // What a node would refuse is not published.
  readDraft(bytes);
  // A node that reads in between refuses the pair, and tries again.
  await writeWhole(join(folder, "manifest.json"), bytes);
  await writeWhole(join(folder, "manifest.sig"), `${signatureOf(bytes, key)}\n`);
}

/** @throws {ZcontextError} `ERR_INSTALL_KEY`, also for a key that others may read. */
export async function loadPrivateKey(path: string): Promise<KeyObject> {
  const pem = await readFile(path, "utf8").catch((error: unknown) => {
    throw new ZcontextError("ERR_INSTALL_KEY", `can't read the key ${path}: ${reasonOf(error)}`, {
      hint: "`context-hub keygen` makes a pair of keys.",
    });
  });
  const { mode } = await stat(path);
  if ((mode & OTHERS) !== 0)
    throw new ZcontextError("ERR_INSTALL_KEY", `${path} may be read by others`, { hint: `Run \`chmod 600 ${path}\`.` });
  return readPrivateKey(pem, basename(path));
}

/** Writes a file that must not be there yet. @throws {ZcontextError} `ERR_TARGET_REFUSED`. */
export async function writeNew(path: string, text: string, mode: number = PRIVATE): Promise<void> {
  await writeFile(path, text, { mode, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    throw new ZcontextError("ERR_TARGET_REFUSED", `${path} is there already`, {
      hint: "Nothing is overwritten; name another folder with --data, or move the file away.",
    });
  });
}

export async function writeWhole(path: string, text: string | Uint8Array, mode = 0o644): Promise<void> {
  await writeFile(`${path}.tmp`, text, { mode });
  await rename(`${path}.tmp`, path);
}

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
