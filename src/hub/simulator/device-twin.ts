// The twin of a device as Azure keeps it: two halves that are changed by patches, each with a version of its own. Pure.
import { isObject, type JsonObject } from "../../protocol/json.ts";
import { mergePatch } from "../contract/twin.ts";

export interface DeviceTwin {
  whole(): { desired: JsonObject; reported: JsonObject };
  /** @returns The new version of the desired state. */
  desire(patch: JsonObject): number;
  /** @returns The status: 204, 400 for what is no patch, 413 where the state would become too large. */
  report(payload: Buffer): { status: number; version?: number };
}

/** The most that a half may have, in bytes. */
const MAX_STATE_BYTES = 32 * 1024;

export function createDeviceTwin(): DeviceTwin {
  let desired: JsonObject = {};
  let reported: JsonObject = {};
  const versions = { desired: 1, reported: 1 };
  return {
    whole: () => ({
      desired: { ...desired, $version: versions.desired },
      reported: { ...reported, $version: versions.reported },
    }),
    desire(patch) {
      desired = mergePatch(desired, patch);
      versions.desired += 1;
      return versions.desired;
    },
    report(payload) {
      const patch = readPatch(payload);
      if (patch === undefined) return { status: 400 };
      const next = mergePatch(reported, patch);
      if (Buffer.byteLength(JSON.stringify(next)) > MAX_STATE_BYTES) return { status: 413 };
      reported = next;
      versions.reported += 1;
      return { status: 204, version: versions.reported };
    },
  };
}

/** An object none of whose members has a name that Azure keeps for itself. */
function readPatch(payload: Buffer): JsonObject | undefined {
  try {
    const patch: unknown = JSON.parse(payload.toString());
    return isObject(patch) && !Object.keys(patch).some((name) => /[$. ]/.test(name)) ? patch : undefined;
  } catch {
    return undefined;
  }
}
