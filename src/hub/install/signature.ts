// Signs the bytes of a manifest with Ed25519, and checks them with the key that is pinned at the node. Pure.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { reasonOf, ZcontextError } from "../../errors.ts";

/** 64 bytes in base64. */
const SIGNATURE = /^[A-Za-z0-9+/]{86}==$/;

/** A new pair of keys, in PEM. */
export function createKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}

/**
 * Reads the public key of a hub.
 *
 * @param where - The file, for the message.
 * @throws {ZcontextError} `ERR_INSTALL_KEY`.
 */
export function readPublicKey(pem: string, where: string): KeyObject {
  // Node would make the public key out of a private one, which must not lie at a node.
  if (/PRIVATE KEY/.test(pem))
    throw keyError(`${where} holds a private key, expected the public one`, "Move it back to the hub's machine.");
  return readKey(createPublicKey, pem, where);
}

/** @throws {ZcontextError} `ERR_INSTALL_KEY`. */
export function readPrivateKey(pem: string, where: string): KeyObject {
  return readKey(createPrivateKey, pem, where);
}

/** What stands in `manifest.sig`. */
export function signatureOf(bytes: Uint8Array, key: KeyObject): string {
  return sign(null, bytes, key).toString("base64");
}

/**
 * Checks that the holder of the key has signed exactly these bytes.
 *
 * @param text - What stands in `manifest.sig`.
 * @throws {ZcontextError} `ERR_INSTALL_SIGNATURE`.
 */
export function checkSignature(bytes: Uint8Array, text: string, key: KeyObject): void {
  const signature = text.trim();
  if (!SIGNATURE.test(signature))
    throw signatureError(`manifest.sig: expected 64 bytes in base64, got ${signature.length} characters`);
  if (!verify(null, bytes, key, Buffer.from(signature, "base64")))
    throw signatureError("manifest.sig is not the signature of manifest.json by the pinned key");
}

function readKey(create: (pem: string) => KeyObject, pem: string, where: string): KeyObject {
  let key: KeyObject;
  try {
    key = create(pem);
  } catch (error) {
    throw keyError(`${where}: expected a key in PEM: ${reasonOf(error)}`, "`context-hub keygen` makes a pair of keys.");
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw keyError(
    `${where}: expected a key for Ed25519, got one for ${key.asymmetricKeyType}`,
    "`context-hub keygen` makes a pair of keys.",
  );
}

function keyError(message: string, hint: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_KEY", message, { hint });
}

function signatureError(message: string): ZcontextError {
  return new ZcontextError("ERR_INSTALL_SIGNATURE", message, {
    hint: "Sign it again with `context-hub sign`; if it was signed, the pinned key belongs to another hub, or the file was changed on its way.",
  });
}
