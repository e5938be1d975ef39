// What is wrong with the certificate of a server, as a sentence that says what to do about it. Pure.
import { BUS_CA_FILE } from "../../protocol/environment.ts";

const UNKNOWN = `the authority of its certificate is not known here: name that by ${BUS_CA_FILE}`;

const FAULTS: { readonly [code: string]: string } = {
  CERT_HAS_EXPIRED: "its certificate has expired: renew it on the server",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: check the clocks of both machines",
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is signed by itself: name that by ${BUS_CA_FILE}`,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN,
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name: use that name in the URL, or have one made for this one",
};

/** @param error - Or one of its causes. @returns Undefined where it is about something else. */
export function certificateFault(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const fault = "code" in each ? FAULTS[String(each.code)] : undefined;
    if (fault !== undefined) return fault;
  }
  return undefined;
}
