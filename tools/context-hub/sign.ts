// `context-hub sign`: signs a manifest somebody has written, or changes and signs that of a hub's folder.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { type Manifest, readDraft } from "../../src/hub/install/manifest.ts";
import { assertEntry, assertServiceName, assertVersion } from "../../src/hub/install/names.ts";
import {
  addVersion,
  loadPrivateKey,
  publishChange,
  publishManifest,
  writeWhole,
} from "../../src/hub/server/catalogue.ts";
import type { Publication } from "../../src/hub/server/publication.ts";
import { isObject, type JsonObject } from "../../src/protocol/json.ts";
import { columns } from "../columns.ts";
import { answer, answerJson, EXIT } from "../print.ts";

export interface SignOptions {
  data: string;
  key?: string;
  add?: string;
  name?: string;
  version_name?: string;
  entry?: string;
  hosts?: string[];
  config: string;
  publish?: string;
  enable?: string;
  disable?: string;
  remove?: string;
  days?: number;
  json?: boolean;
}

export async function sign(path: string | undefined, options: SignOptions): Promise<number> {
  const { data, key: keyFile = join(data, "hub.key"), days, json = false } = options;
  const change = changeOf(options);
  if (path !== undefined && change !== undefined)
    throw new ZcontextError(
      "ERR_USAGE",
      "a manifest is signed as it is: give either its path, or a change of that in --data",
    );
  const key = await loadPrivateKey(keyFile);
  let manifest: Manifest;
  if (path === undefined) {
    if (options.add !== undefined) await add(options.add, options);
    const publication = change ?? { kind: "renewed" };
    manifest = await publishChange(data, publication, { key, ...(days !== undefined && { days }) });
  } else {
    manifest = readDraft(await read(path));
    await signAt(path, manifest, key);
  }
  print(manifest, json);
  return EXIT.done;
}

async function signAt(path: string, manifest: Manifest, key: Parameters<typeof publishManifest>[2]): Promise<void> {
  const folder = dirname(path);
  await publishManifest(folder, manifest, key);
  // It may have another name than the one that nodes ask for.
  if (path !== join(folder, "manifest.json")) await writeWhole(path, await readFile(join(folder, "manifest.json")));
}

function changeOf({
  add,
  name,
  version_name,
  entry,
  publish,
  enable,
  disable,
  remove,
}: SignOptions): Publication | undefined {
  const given = Object.entries({ add, publish, enable, disable, remove }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new ZcontextError(
      "ERR_USAGE",
      `one change at a time, got ${given.map(([option]) => `--${option}`).join(", ")}`,
    );
  if (add !== undefined) {
    if (name === undefined || version_name === undefined || entry === undefined)
      throw new ZcontextError("ERR_USAGE", "--add requires --name, --version_name and --entry");
    return { kind: "version", name, version: version_name };
  }
  if (publish !== undefined) {
    if (name === undefined) throw new ZcontextError("ERR_USAGE", "--publish requires --name");
    return { kind: "version", name, version: publish };
  }
  if (remove !== undefined) return { kind: "removed", name: remove };
  const switched = enable ?? disable;
  return switched === undefined ? undefined : { kind: "enabled", name: switched, enabled: enable !== undefined };
}

async function add(
  path: string,
  { data, name = "", version_name: version = "", entry = "", hosts = [], config }: SignOptions,
) {
  assertServiceName(name);
  assertVersion(name, version);
  assertEntry(name, entry);
  await addVersion(data, { path, name, version, entry, hosts, config: readConfig(config) });
}

function readConfig(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `--config: ${reasonOf(error)}`);
  }
  throw new ZcontextError("ERR_USAGE", `--config: expected an object of JSON, got ${text.slice(0, 80)}`);
}

async function read(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw new ZcontextError("ERR_USAGE", `can't read the manifest ${path}: ${reasonOf(error)}`);
  });
}

function print(manifest: Manifest, json: boolean): void {
  if (json) return answerJson(manifest);
  const { catalogVersion, issuedAt, expires, services } = manifest;
  answer(`catalogue ${catalogVersion}, from ${issuedAt} to ${expires}`);
  if (services.length === 0) return;
  const rows = services.map(({ name, version, enabled, hosts, sha256 }) => [
    ...[name, version, enabled ? "yes" : "no", hosts.length === 0 ? "all" : hosts.join(",")],
    sha256.slice(0, 12),
  ]);
  answer(columns(["SERVICE", "VERSION", "ENABLED", "HOSTS", "SHA-256"], rows));
}
