// Decides whether two paths lead to the same context file. A path alone does not tell: a link is switched, a folder is
// moved, and another container has another file at the same path. Device and inode of the folder are the same for
// everybody; those of the file change whenever an editor saves it. Pure.
import { normalize } from "node:path";
import type { JsonObject } from "../protocol/json.ts";
import { listOf, type ObjectSchema, object, text } from "../protocol/schema.ts";

/** What is seen of a context file at one moment. */
export interface FileSight {
  /** Folder, by device and inode, and name: as the path has them, and where links lead. None where no folder is. */
  names: readonly string[];
  /** Device and inode of the file; empty where there is none. */
  file: string;
}

/** What a provider says about the file that it runs. */
export interface FileClaim {
  /** The absolute path as it was given, links included. */
  path: string;
  /** As it was when the provider started. */
  first: FileSight;
  now: FileSight;
  /** Its mount namespace: without a folder, a path means something only to processes that share it. */
  mounts: string;
}

const SIGHT: ObjectSchema<FileSight> = object({ names: listOf(text, "a list of names"), file: text });
export const FILE_CLAIM: ObjectSchema<FileClaim> = object({ path: text, first: SIGHT, now: SIGHT, mounts: text });

/** A claim as it travels. */
export function claimJson({ path, first, now, mounts }: FileClaim): JsonObject {
  const sightJson = ({ names, file }: FileSight) => ({ names: [...names], file });
  return { path, first: sightJson(first), now: sightJson(now), mounts };
}

/** The file that a provider is sought for, as it is seen now. */
export interface Sought {
  path: string;
  sight: FileSight;
  mounts: string;
}

/** What the file of a provider is to the one that is sought. */
export type Kinship = "none" | "same file" | "same path";

export function kinshipOf({ path, first, now, mounts }: FileClaim, sought: Sought): Kinship {
  const isSamePath = normalize(path) === normalize(sought.path);
  const { names, file } = sought.sight;
  const known = [...first.names, ...now.names];
  if (names.some((name) => known.includes(name))) return isSamePath ? "same path" : "same file";
  // The whole folder is gone, for both.
  if (isSamePath && names.length === 0 && now.names.length === 0 && mounts === sought.mounts) return "same path";
  // The file was renamed, or moved to another folder. Where it is still at its place, the other path is a hard link.
  const wasMoved = file !== "" && first.file === file && now.file !== file;
  return wasMoved ? "same file" : "none";
}
