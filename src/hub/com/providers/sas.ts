// The credentials of a device at Azure: its connection string, and the tokens that are signed with its key. Pure.
import { createHmac } from "node:crypto";
import { ZcontextError } from "../../../errors.ts";

export interface DeviceCredentials {
  hostName: string;
  deviceId: string;
  /** Base64. */
  key: string;
}

/**
 * Reads `HostName=…;DeviceId=…;SharedAccessKey=…`.
 *
 * @throws {ZcontextError} `ERR_CONFIG_INVALID`, which quotes nothing of it.
 */
export function readConnectionString(text: string): DeviceCredentials {
  const fields = new Map(
    text.split(";").flatMap((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()] as const];
    }),
  );
  const [hostName, deviceId, key] = ["HostName", "DeviceId", "SharedAccessKey"].map((name) => fields.get(name));
  if (hostName && deviceId && key) return { hostName, deviceId, key };
  throw new ZcontextError(
    "ERR_CONFIG_INVALID",
    "the connection string of the device: expected HostName=…;DeviceId=…;SharedAccessKey=…",
  );
}

/** What a token is for. */
export function resourceOf({ hostName, deviceId }: Omit<DeviceCredentials, "key">): string {
  return encodeURIComponent(`${hostName}/devices/${deviceId}`);
}

/** A token that is valid until a time, in seconds since 1970. */
export function sasToken(credentials: DeviceCredentials, expiresS: number): string {
  const resource = resourceOf(credentials);
  const signature = signatureOf(resource, expiresS, credentials.key);
  return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiresS}`;
}

/** The signature of a token, as base64. */
export function signatureOf(resource: string, expiresS: number, key: string): string {
  return createHmac("sha256", Buffer.from(key, "base64")).update(`${resource}\n${expiresS}`).digest("base64");
}

/** Reads a token; undefined for what is none. */
export function readSasToken(token: string): { resource: string; signature: string; expiresS: number } | undefined {
  const [, resource, signature, expiresS] =
    /^SharedAccessSignature sr=([^&]+)&sig=([^&]+)&se=(\d{1,12})(?:&skn=[^&]*)?$/.exec(token) ?? [];
  if (resource === undefined || signature === undefined) return undefined;
  return { resource, signature: decodeURIComponent(signature), expiresS: Number(expiresS) };
}
