// Where manifests and archives come from: a folder, or a server over HTTP. What is not encrypted may only come from this
// machine, and a redirect may only lead to the same server.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { Readable } from "node:stream";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { isBelow } from "../../folders.ts";
import { isLoopback } from "../../protocol/endpoints.ts";
import { MAX_DOWNLOAD_MS, MAX_MANIFEST_BYTES, STALLED_MS } from "./bounds.ts";
import { type ManifestService, sizeError } from "./manifest.ts";
import { shown } from "./names.ts";

const MAX_REDIRECTS = 3;
const SIGNATURE_BYTES = 1_024;

/** A manifest as it came, with nothing checked but its size. */
export interface SignedManifest {
  bytes: Buffer;
  signature: string;
}

/**
 * Reads `manifest.json` and the `manifest.sig` beside it.
 *
 * @param place - A URL or a path of the manifest, or of the folder that it lies in.
 * @throws {ZcontextError} `ERR_INSTALL_DOWNLOAD` or `ERR_INSTALL_SIZE`.
 */
export async function fetchManifest(place: string): Promise<SignedManifest> {
  const manifest = await manifestPlace(place);
  const [bytes, signature] = await Promise.all([
    readAll(manifest, MAX_MANIFEST_BYTES),
    readAll(beside(manifest, "manifest.sig"), SIGNATURE_BYTES),
  ]);
  return { bytes, signature: signature.toString("latin1") };
}

/**
 * Downloads the archive of a service, and checks its size and hash while it comes.
 *
 * @param place - Of the manifest, which the archive's URL may be relative to.
 * @param file - Must not exist.
 * @throws {ZcontextError} `ERR_INSTALL_DOWNLOAD`, `ERR_INSTALL_SIZE` or `ERR_INSTALL_HASH`.
 */
export async function fetchArchive(place: string, service: ManifestService, file: string): Promise<void> {
  const { name, version, url, size, sha256 } = service;
  const what = `${name} ${version}: its archive`;
  const hash = createHash("sha256");
  const from = await openPlace(beside(await manifestPlace(place), url), size, what);
  const to = await open(file, "wx", 0o600);
  try {
    const bytes = await copy(from, to, { limit: size, hash, what });
    if (bytes !== size)
      throw new ZcontextError("ERR_INSTALL_SIZE", `${what} has ${bytes} bytes, expected ${size} as in the manifest`);
    await to.sync();
  } finally {
    await to.close();
  }
  const came = hash.digest("hex");
  if (came !== sha256)
    throw new ZcontextError("ERR_INSTALL_HASH", `${what} has the SHA-256 ${came}, expected ${sha256}`, {
      hint: "The archive is not the one that was signed; sign the present one, or bring back that one.",
    });
}

async function manifestPlace(place: string): Promise<string> {
  if (isUrl(place))
    return /\.json$/.test(new URL(place).pathname) ? place : `${place.replace(/\/*$/, "")}/manifest.json`;
  const path = resolve(place);
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  return isFolder ? resolve(path, "manifest.json") : path;
}

/** What an address means that stands in a manifest. */
function beside(manifest: string, address: string): string {
  if (isUrl(manifest)) {
    if (URL.canParse(address, manifest)) return new URL(address, manifest).href;
    throw downloadError(`${shown(address)} is no URL`);
  }
  if (isUrl(address)) return address;
  const folder = dirname(manifest);
  const path = resolve(folder, address);
  if (!/^[a-z][a-z\d+.-]*:/i.test(address) && !isAbsolute(address) && isBelow(folder, path)) return path;
  throw downloadError(`${shown(address)}: expected https://…, or a path below ${folder}`);
}

function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

async function readAll(place: string, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const name = place.slice(place.lastIndexOf("/") + 1);
  let bytes = 0;
  for await (const chunk of await openPlace(place, limit, name)) {
    bytes += chunk.length;
    if (bytes > limit) throw sizeError(name, undefined, limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function copy(
  from: AsyncIterable<Buffer>,
  to: FileHandle,
  { limit, hash, what }: { limit: number; hash: ReturnType<typeof createHash>; what: string },
): Promise<number> {
  let bytes = 0;
  for await (const chunk of from) {
    bytes += chunk.length;
    if (bytes > limit) throw sizeError(what, undefined, limit);
    hash.update(chunk);
    await to.write(chunk);
  }
  return bytes;
}

async function openPlace(place: string, limit: number, what: string): Promise<AsyncIterable<Buffer>> {
  if (isUrl(place)) return openUrl(new URL(place), limit, what);
  const found = await stat(place).catch((error: unknown) => {
    throw downloadError(`${what}: ${reasonOf(error)}`, error);
  });
  if (!found.isFile()) throw downloadError(`${what}: ${place} is not a file`);
  if (found.size > limit) throw sizeError(what, found.size, limit);
  return createReadStream(place);
}

async function* openUrl(url: URL, limit: number, what: string): AsyncIterable<Buffer> {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${STALLED_MS / 1_000} s`)), STALLED_MS);
  try {
    const signal = AbortSignal.any([stall.signal, AbortSignal.timeout(MAX_DOWNLOAD_MS)]);
    const response = await follow(url, signal, what);
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    // What is compressed on the way may become larger than it says; the bytes are counted.
    if (length > limit) throw sizeError(what, length, limit);
    if (response.body === null) return;
    for await (const chunk of Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])) {
      timer.refresh();
      yield chunk;
    }
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw downloadError(`${what}: ${url.origin}: ${reasonOf(stall.signal.reason ?? causeOf(error))}`, error);
  } finally {
    clearTimeout(timer);
    stall.abort(new Error("no longer wanted"));
  }
}

async function follow(first: URL, signal: AbortSignal, what: string): Promise<Response> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    assertSecure(url);
    const response = await fetch(url, { redirect: "manual", signal });
    if (response.ok) return response;
    const location = response.headers.get("location");
    await response.body?.cancel();
    if (response.status < 300 || response.status > 399 || location === null)
      throw downloadError(`${what}: ${url.origin} answers ${response.status}`);
    url = new URL(location, url);
    if (url.origin !== first.origin)
      throw downloadError(`${what}: ${first.origin} redirects to ${shown(url.origin)}, which is another server`);
  }
  throw downloadError(`${what}: ${first.origin} redirects more than ${MAX_REDIRECTS} times`);
}

/** Refuses what others could change or read on its way. @throws {ZcontextError} `ERR_INSTALL_DOWNLOAD`. */
export function assertSecure(url: URL): void {
  if (url.username !== "" || url.password !== "")
    throw downloadError(`${url.origin}: credentials don't belong in a URL`);
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) return;
  throw downloadError(`${url.origin}: another machine is reached with https only`);
}

/** `fetch` says what has happened in the cause. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

function downloadError(message: string, cause?: unknown): ZcontextError {
  return new ZcontextError("ERR_INSTALL_DOWNLOAD", message, cause === undefined ? {} : { cause });
}
