// Tells whether code is still what a compiled module was made from: the contents of files, and what stands at the places
// where its imports were looked for. A place that was empty counts as well, since a file that appears there may be found
// first from then on. Neither size nor time counts: both survive a restored backup and an exchanged link.
import { createHash } from "node:crypto";
import { type Dirent, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What a module was made from, as it was then. Paths are absolute. */
export interface Origin {
  /** Files, with a hash of what they held; null where there was no such file. */
  readonly contents: readonly (readonly [path: string, hash: string | null])[];
  /**
   * Paths without ending, with the entries that begin so, each with the file that it leads to; a path that ends in `/` has
   * all entries of that folder.
   */
  readonly places: readonly (readonly [path: string, entries: readonly string[]])[];
}

/** Gathers an origin while code is being read. */
export interface Observation {
  /** Reads a file that counts by what it holds. Throws as `readFileSync` does, and then counts its absence. */
  read(path: string): Buffer;
  /** Whether a file is there, which counts by what it holds. */
  has(path: string): boolean;
  /** A path counts by what it leads to, with any of the endings that code may have. */
  look(path: string): void;
  /** Every entry of a folder counts, also of those below it. */
  lookBelow(folder: string): void;
  readonly origin: Origin;
}

/** Endings that an import may leave out, or name in place of another one. */
const CODE_ENDING = /\.(?:[cm]?[jt]sx?|json)$/;

export function observe(): Observation {
  const contents = new Map<string, string | null>();
  const places = new Map<string, readonly string[]>();
  const listing = createListing();

  // What was seen first is what the code was made from, however often it is looked at.
  function read(path: string): Buffer {
    try {
      const content = readWhole(path);
      if (!contents.has(path)) contents.set(path, hashOf(content));
      return content;
    } catch (error) {
      if (!contents.has(path)) contents.set(path, null);
      throw error;
    }
  }

  function note(place: string): void {
    if (!places.has(place)) places.set(place, entriesAt(place, listing));
  }

  function lookBelow(folder: string): void {
    note(join(folder, "/"));
    for (const entry of listing(folder)) if (entry.isDirectory()) lookBelow(join(folder, entry.name));
  }

  return {
    read,
    has(path) {
      try {
        read(path);
        return true;
      } catch {
        return false;
      }
    },
    look: (path) => note(path.replace(CODE_ENDING, "")),
    lookBelow,
    get origin() {
      return { contents: [...contents], places: [...places] };
    },
  };
}

/** Whether all is as it was. */
export function isCurrent({ contents, places }: Origin): boolean {
  const listing = createListing();
  return (
    contents.every(([path, hash]) => hashAt(path) === hash) &&
    places.every(([path, entries]) => `${entriesAt(path, listing)}` === `${entries}`)
  );
}

/** Whether a file of it was written or put in place at this moment of the system's clock, or later. */
export function isWrittenSince({ contents }: Origin, sinceMs: number): boolean {
  return contents.some(([path]) => (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= sinceMs);
}

export function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}

/** Whether a pipe, a device or a folder is there. To read a pipe may never end, and holds up the provider meanwhile. */
export function isIrregular(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}

function readWhole(path: string): Buffer {
  if (isIrregular(path)) throw new Error(`${path} is not a file`);
  return readFileSync(path);
}

/** The hash of a file's contents; null where it can't be read. */
export function hashAt(path: string): string | null {
  try {
    return hashOf(readWhole(path));
  } catch {
    return null;
  }
}

type Listing = (folder: string) => readonly Dirent[];

/** Lists each folder once. */
function createListing(): Listing {
  const listed = new Map<string, readonly Dirent[]>();
  return (folder) => {
    const known = listed.get(folder) ?? list(folder);
    listed.set(folder, known);
    return known;
  };
}

function list(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** `conf.ts -> /srv/app/conf.ts`: the entries of this name, or of this name and an ending. */
function entriesAt(path: string, listing: Listing): readonly string[] {
  const isWhole = path.endsWith("/");
  const [folder, name] = isWhole ? [path, ""] : [dirname(path), basename(path)];
  return listing(folder)
    .filter((entry) => isWhole || entry.name === name || entry.name.startsWith(`${name}.`))
    .map((entry) => `${entry.name}${entry.isDirectory() ? "/" : ""} -> ${realPathOf(join(folder, entry.name))}`)
    .sort();
}

function realPathOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return "nowhere";
  }
}
