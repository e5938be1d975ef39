// Decides whether a manifest with a good signature counts now: not after its end, not before it was issued, and never one that
// is older than another one that this node has seen. Pure.
import { ZcontextError } from "../../errors.ts";
import type { Manifest } from "./manifest.ts";

/** What a node remembers of the last manifest that it has taken. */
export interface SeenManifest {
  catalogVersion: number;
  /** Of its bytes. */
  sha256: string;
}

/** By how much the clock of a node may be behind that of its hub. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * @param sha256 - Of the bytes of the manifest.
 * @throws {ZcontextError} `ERR_INSTALL_EXPIRED` or `ERR_INSTALL_OLDER`.
 */
export function admit(
  { catalogVersion, issuedAt, expires }: Manifest,
  { nowMs, sha256, seen }: { nowMs: number; sha256: string; seen: SeenManifest | undefined },
): void {
  const clock = `the clock of this machine says ${new Date(nowMs).toISOString()}`;
  if (nowMs >= Date.parse(expires))
    throw new ZcontextError("ERR_INSTALL_EXPIRED", `the manifest counted until ${expires}; ${clock}`, {
      hint: "Sign the catalogue again with `context-hub sign`.",
    });
  if (nowMs + CLOCK_SKEW_MS < Date.parse(issuedAt))
    throw new ZcontextError("ERR_INSTALL_EXPIRED", `the manifest counts from ${issuedAt} on; ${clock}`, {
      hint: "Set the clock of this machine.",
    });
  if (seen === undefined || catalogVersion > seen.catalogVersion) return;
  if (catalogVersion < seen.catalogVersion)
    throw older(`the manifest has catalogVersion ${catalogVersion}, and this node has taken ${seen.catalogVersion}`);
  if (sha256 !== seen.sha256) throw older(`this node has taken another manifest with catalogVersion ${catalogVersion}`);
}

function older(message: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_OLDER", message, {
    hint: "Each manifest needs a larger catalogVersion than those before; `context-hub sign` counts by itself.",
  });
}
