// The public key of a hub that a node has pinned: a file that nobody else may change.
import type { KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { readPublicKey } from "./signature.ts";

/** The permission bits that let the group and all others write. */
const WRITABLE = 0o022;

/** @throws {ZcontextError} `ERR_INSTALL_KEY`. */
export async function loadPublicKey(path: string): Promise<KeyObject> {
  try {
    const pem = await readFile(path, "utf8");
    const { mode } = await stat(path);
    if ((mode & WRITABLE) === 0) return readPublicKey(pem, path);
  } catch (error) {
    if (error instanceof ZcontextError) throw error;
    throw new ZcontextError("ERR_INSTALL_KEY", `can't read the pinned key ${path}: ${reasonOf(error)}`, {
      hint: "Copy hub.pem from the hub; `context-hub keygen` has written it there.",
    });
  }
  throw new ZcontextError("ERR_INSTALL_KEY", `${path} may be written by others`, {
    hint: `Compare it with that of the hub, and run \`chmod 644 ${path}\`.`,
  });
}
