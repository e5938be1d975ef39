// Whether a device may connect: its name, the version of the interface, and its token. Pure.
import { timingSafeEqual } from "node:crypto";
import { ownMember } from "../../protocol/json.ts";
import { readSasToken, resourceOf, signatureOf } from "../com/providers/sas.ts";

/** Versions of the interface that Azure has for devices. */
export const API_VERSIONS: readonly string[] = ["2018-06-30", "2020-09-30", "2021-04-12"];

export interface Login {
  clientId: string;
  user: string;
  pass: string;
}

export interface Known {
  devices: { readonly [deviceId: string]: string };
  hostName: string;
  nowS: number;
}

/** When the token runs out, in seconds since 1970; or why the device is refused. */
export function refusalOfLogin(
  { clientId, user, pass }: Login,
  { devices, hostName, nowS }: Known,
): { expiresS: number } | { refused: string; of: "identifier" | "login" } {
  const of = "login";
  const key = ownMember(devices, clientId);
  if (key === undefined) return { refused: `no device ${clientId}`, of: "identifier" };
  const [, host, device, version = ""] = /^([^/]+)\/([^/]+)\/\?api-version=([^&]*)(?:&.*)?$/.exec(user) ?? [];
  if (host !== hostName || device !== clientId) return { refused: `the user name of ${clientId} is not its own`, of };
  if (!API_VERSIONS.includes(version)) return { refused: `no version ${JSON.stringify(version)} of the interface`, of };
  const token = readSasToken(pass);
  if (token === undefined) return { refused: `the password of ${clientId} is no token`, of };
  const resource = resourceOf({ hostName, deviceId: clientId });
  if (token.resource.toLowerCase() !== resource.toLowerCase())
    return { refused: `the token of ${clientId} is for something else`, of };
  if (!areEqual(token.signature, signatureOf(token.resource, token.expiresS, key)))
    return { refused: `the token of ${clientId} is not signed with its key`, of };
  if (token.expiresS <= nowS) return { refused: `the token of ${clientId} has run out`, of };
  return { expiresS: token.expiresS };
}

function areEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
