// The list of services that a hub gives its nodes: what is in it, and which text of it counts. Only the canonical form is
// read, so that what was signed and what is understood are the same: no key twice, no number that rounds. Pure.
import { reasonOf, ZcontextError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import {
  anyObject,
  exactly,
  flag,
  guarded,
  id,
  listOf,
  numberThat,
  read,
  type Schema,
  textThat,
} from "../../protocol/schema.ts";
import { decodeText } from "../../text.ts";
import { MAX_ARCHIVE_BYTES, MAX_MANIFEST_BYTES, MAX_SERVICES } from "./bounds.ts";
import { canonicalize } from "./canonical.ts";
import { assertEntry, assertServiceName, assertVersion, shown } from "./names.ts";

/** A service of a manifest. */
export interface ManifestService {
  /** Unique in its manifest, also without regard to case. */
  name: string;
  version: string;
  /** Of the archive, a `.tgz`: absolute, or relative to the manifest. */
  url: string;
  /** Of the archive, in bytes. */
  size: number;
  /** Of the archive, in hexadecimal digits. */
  sha256: string;
  /** Path of the module that is started, in the archive. */
  entry: string;
  enabled: boolean;
  /** Names or tags of the nodes that run it; empty for all. */
  hosts: readonly string[];
  /** The configuration of its task; values are text, numbers, true or false, lists and objects of these. */
  config: JsonObject;
}

export interface Manifest {
  /** Larger in each manifest than in those before. */
  catalogVersion: number;
  /** Time of UTC, such as 2026-05-01T12:00:00Z. */
  issuedAt: string;
  expires: string;
  services: readonly ManifestService[];
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;
const time = textThat(
  (text) => TIME.test(text) && !Number.isNaN(Date.parse(text)),
  "a time such as 2026-05-01T12:00:00Z",
);
const size = numberThat((value) => Number.isSafeInteger(value) && value > 0, "a size in bytes");

const SERVICE: Schema<ManifestService> = exactly({
  name: id,
  version: id,
  url: id,
  size,
  sha256: textThat((text) => /^[0-9a-f]{64}$/.test(text), "64 hexadecimal digits in lower case"),
  entry: id,
  enabled: flag,
  hosts: listOf(id, "a list of names"),
  config: anyObject,
});

const MANIFEST = exactly({
  catalogVersion: numberThat((value) => Number.isSafeInteger(value) && value > 0, "a whole number, at least 1"),
  issuedAt: time,
  expires: time,
  services: guarded((value): value is unknown[] => Array.isArray(value), "a list of services"),
});

/**
 * Reads the bytes of `manifest.json`, whose signature has been checked.
 *
 * @throws {ZcontextError} `ERR_INSTALL_MANIFEST`, `ERR_INSTALL_SIZE`, or `ERR_INSTALL_PATH` for a name, version or entry that
 *   can't be a path in the store.
 */
export function readManifest(bytes: Uint8Array): Manifest {
  const value = parse(bytes);
  let canonical: string;
  try {
    canonical = canonicalize(value);
  } catch (error) {
    throw manifestError(`there is no canonical form of it: ${reasonOf(error)}`);
  }
  if (!Buffer.from(canonical).equals(bytes))
    throw manifestError(
      "it is not in the canonical form of RFC 8785",
      "`context-hub sign FILE` writes that form and signs it.",
    );
  return checkManifest(value);
}

/**
 * A manifest as somebody has written it, in any form of JSON.
 *
 * @throws {ZcontextError} As `readManifest` does.
 */
export function readDraft(bytes: Uint8Array): Manifest {
  return checkManifest(parse(bytes));
}

/** The bytes that are signed. */
export function manifestBytes(manifest: Manifest): Buffer {
  return Buffer.from(canonicalize(manifest));
}

function parse(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_MANIFEST_BYTES) throw sizeError("manifest.json", bytes.length, MAX_MANIFEST_BYTES);
  try {
    return JSON.parse(decodeText(bytes));
  } catch (error) {
    throw manifestError(reasonOf(error));
  }
}

function checkManifest(value: unknown): Manifest {
  const { catalogVersion, issuedAt, expires, services: items } = fitting(MANIFEST, value, "");
  if (Date.parse(issuedAt) >= Date.parse(expires)) throw manifestError("it expires before it was issued");
  if (items.length > MAX_SERVICES)
    throw manifestError(`expected at most ${MAX_SERVICES} services, got ${items.length}`);
  const services = items.map((item, index) => checkService(fitting(SERVICE, item, `services.${index}`)));
  const names = services.map(({ name }) => name.toLowerCase());
  const twice = services.find((_, index) => names.indexOf(names[index] as string) !== index);
  if (twice !== undefined) throw manifestError(`service ${shown(twice.name)} is in it twice`);
  return { catalogVersion, issuedAt, expires, services };
}

function checkService(service: ManifestService): ManifestService {
  const { name, version, entry, size: bytes, config } = service;
  assertServiceName(name);
  assertVersion(name, version);
  assertEntry(name, entry);
  if (bytes > MAX_ARCHIVE_BYTES) throw sizeError(`${name} ${version}: its archive`, bytes, MAX_ARCHIVE_BYTES);
  if (!isConfiguration(config))
    throw manifestError(`${name}: config: expected text, numbers, true, false, lists and objects of these`);
  return service;
}

function isConfiguration(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.every(isConfiguration);
  if (isObject(value)) return Object.values(value).every(isConfiguration);
  return ["string", "number", "boolean"].includes(typeof value);
}

function fitting<T>(schema: Schema<T>, value: unknown, where: string): T {
  const { value: found, misfit } = read(schema, value);
  if (misfit === undefined) return found;
  const field = [where, misfit.field].filter((part) => part !== "").join(".") || "the manifest";
  if (misfit.expected === undefined) throw manifestError(`${field} is not known`);
  throw manifestError(`${field}: expected ${misfit.expected}, got ${shown(JSON.stringify(misfit.came) ?? "nothing")}`);
}

function manifestError(problem: string, hint?: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_MANIFEST", `manifest.json: ${problem}`, hint === undefined ? {} : { hint });
}

/** @param bytes - How many there are; undefined where they were not counted to the end. */
export function sizeError(what: string, bytes: number | undefined, limit: number): ZcontextError {
  const came = bytes === undefined ? "has more" : `has ${bytes}`;
  return new ZcontextError("ERR_INSTALL_SIZE", `${what} ${came}, expected at most ${limit} bytes`);
}
