import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { admit } from "../../../src/hub/install/admission.ts";
import { MAX_ARCHIVE_BYTES, MAX_MANIFEST_BYTES } from "../../../src/hub/install/bounds.ts";
import { type Manifest, manifestBytes, readDraft, readManifest } from "../../../src/hub/install/manifest.ts";
import {
  checkSignature,
  createKeys,
  readPrivateKey,
  readPublicKey,
  signatureOf,
} from "../../../src/hub/install/signature.ts";
import { aService } from "../../support/manifests.ts";

const manifest: Manifest = {
  catalogVersion: 7,
  issuedAt: "2026-05-01T12:00:00Z",
  expires: "2026-06-01T12:00:00Z",
  services: [aService()],
};

/** What is thrown for a manifest that differs in this way; its canonical form is sound. */
function refusalOf(change: object): unknown {
  const bytes = manifestBytes({ ...manifest, ...change } as Manifest);
  try {
    return readManifest(bytes);
  } catch (error) {
    return error;
  }
}

const withService = (change: object) => ({ services: [{ ...aService(), ...change }] });

describe("a manifest", () => {
  test("is read from its canonical form", () => {
    expect(readManifest(manifestBytes(manifest))).toEqual(manifest);
  });

  test.each([
    ["with white space", (text: string) => `${text}\n`],
    ["with its keys in another order", (text: string) => JSON.stringify({ services: [], ...JSON.parse(text) })],
    ["with a key twice", (text: string) => text.replace('"catalogVersion":7', '"catalogVersion":9,"catalogVersion":7')],
    ["with a number in another form", (text: string) => text.replace(":7,", ":7.0,")],
    ["with a number that rounds", (text: string) => text.replace('"config":{}', '"config":{"a":9007199254740993}')],
    ["with an escape that is not needed", (text: string) => text.replace("thermometer", "\\u0074hermometer")],
    ["with a byte order mark", (text: string) => `\ufeff${text}`],
    ["with half a surrogate pair", (text: string) => text.replace('"config":{}', '"config":{"a":"\\ud800"}')],
  ])("is refused %s", (_, changed) => {
    const bytes = Buffer.from(changed(manifestBytes(manifest).toString()));

    expect(bytes.equals(manifestBytes(manifest))).toBe(false);
    expect(() => readManifest(bytes)).toThrow(expect.objectContaining({ code: "ERR_INSTALL_MANIFEST" }));
  });

  test("is refused where it is no UTF-8 text", () => {
    const bytes = Buffer.concat([manifestBytes(manifest), Buffer.from([0xff])]);

    expect(() => readManifest(bytes)).toThrow(expect.objectContaining({ code: "ERR_INSTALL_MANIFEST" }));
  });

  test("may be written in any form before it is signed", () => {
    expect(readDraft(Buffer.from(JSON.stringify(manifest, undefined, 2)))).toEqual(manifest);
  });

  test.each([
    ["a catalogVersion of 0", { catalogVersion: 0 }, "catalogVersion"],
    ["a catalogVersion in text", { catalogVersion: "7" }, "catalogVersion"],
    ["a time without a zone", { issuedAt: "2026-05-01T12:00:00" }, "issuedAt"],
    ["a day that is none", { expires: "2026-13-41T12:00:00Z" }, "expires"],
    ["its end before its begin", { expires: "2026-04-01T12:00:00Z" }, "expires before"],
    ["a field that is not known", { author: "me" }, "author is not known"],
    ["an enabled that is text", withService({ enabled: "yes" }), "services.0.enabled"],
    ["a service with a field that is not known", withService({ install: "npm i" }), "services.0.install"],
    ["a hash in capitals", withService({ sha256: "A".repeat(64) }), "sha256"],
    ["a negative size", withService({ size: -1 }), "size"],
    ["a size with a fraction", withService({ size: 1.5 }), "size"],
    ["hosts that are no list", withService({ hosts: "node-1" }), "hosts"],
    ["null in a config", withService({ config: { a: [{ b: null }] } }), "config"],
    ["a config that is a list", withService({ config: [] }), "config"],
    ["a service twice", { services: [aService(), aService()] }, "twice"],
    ["a name twice in other case", { services: [aService(), aService({ name: "Thermometer" })] }, "twice"],
    [
      "more services than a node takes",
      { services: Array.from({ length: 201 }, (_, nr) => aService({ name: `s${nr}` })) },
      "200",
    ],
  ])("is refused with %s", (_, change, words) => {
    expect(refusalOf(change)).toMatchObject({ code: "ERR_INSTALL_MANIFEST", message: expect.stringContaining(words) });
  });

  test.each([
    ...["../evil", "a/b", "a\\b", ".hidden", "a b", "a\0b", "1st", "ünïcode", "-rf"].map((name) => ({ name })),
    ...["..", "1..2", "../1", "1/2", "1\\2", "-1", "1\0", "1 "].map((version) => ({ version })),
    ...[
      "../main.js",
      "/etc/main.js",
      "a/../../main.js",
      "C:/main.js",
      "a\\main.js",
      "a\0.js",
      "a//b.js",
      "main.sh",
      "folder/",
    ].map((entry) => ({ entry })),
  ])("is refused with a path out of the store: %j", (change) => {
    expect(refusalOf(withService(change))).toMatchObject({ code: "ERR_INSTALL_PATH" });
  });

  test("is refused with an archive that is too large, and when it is too large itself", () => {
    expect(refusalOf(withService({ size: MAX_ARCHIVE_BYTES + 1 }))).toMatchObject({ code: "ERR_INSTALL_SIZE" });
    expect(refusalOf(withService({ config: { a: "x".repeat(MAX_MANIFEST_BYTES) } }))).toMatchObject({
      code: "ERR_INSTALL_SIZE",
    });
  });
});

describe("a signature", () => {
  const [ours, another] = [createKeys(), createKeys()];
  const bytes = manifestBytes(manifest);
  const key = readPublicKey(ours.publicKey, "hub.pem");
  const sign = (pair = ours, what: Uint8Array = bytes) => signatureOf(what, readPrivateKey(pair.privateKey, "hub.key"));

  test("of these bytes by the pinned key is taken, also with a line end", () => {
    expect(() => checkSignature(bytes, `${sign()}\n`, key)).not.toThrow();
  });

  test.each([
    ["of another key", () => sign(another)],
    ["of other bytes", () => sign(ours, manifestBytes({ ...manifest, catalogVersion: 8 }))],
    ["of the same JSON in another form", () => sign(ours, Buffer.from(JSON.stringify(manifest, undefined, 2)))],
    ["with a changed bit", () => flipped(sign())],
    ["cut off", () => sign().slice(0, -4)],
    ["with more behind it", () => `${sign()}${sign()}`],
    ["in hexadecimal digits", () => Buffer.from(sign(), "base64").toString("hex")],
    ["that is empty", () => ""],
  ])("%s is refused", (_, make) => {
    expect(() => checkSignature(bytes, make(), key)).toThrow(
      expect.objectContaining({ code: "ERR_INSTALL_SIGNATURE" }),
    );
  });

  test.each([
    ["the private key", ours.privateKey],
    ["a key of another kind", generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "pem" })],
    [
      "an RSA key",
      generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }),
    ],
    ["no PEM", "a key"],
    ["nothing", ""],
  ])("is not checked with %s", (_, pem) => {
    expect(() => readPublicKey(String(pem), "hub.pem")).toThrow(expect.objectContaining({ code: "ERR_INSTALL_KEY" }));
  });
});

describe("a manifest counts", () => {
  const at = (time: string, seen?: { catalogVersion: number; sha256: string }) => () =>
    admit(manifest, { nowMs: Date.parse(time), sha256: "abc", seen });

  test.each([
    ["in its time", at("2026-05-20T12:00:00Z")],
    ["where the clock is a little behind", at("2026-05-01T11:56:00Z")],
    ["after an older one", at("2026-05-20T12:00:00Z", { catalogVersion: 6, sha256: "def" })],
    ["again", at("2026-05-20T12:00:00Z", { catalogVersion: 7, sha256: "abc" })],
  ])("%s", (_, admission) => {
    expect(admission).not.toThrow();
  });

  test.each([
    ["at its end", at("2026-06-01T12:00:00Z"), "ERR_INSTALL_EXPIRED"],
    ["long before it was issued", at("1970-01-01T00:00:10Z"), "ERR_INSTALL_EXPIRED"],
    ["after a newer one", at("2026-05-20T12:00:00Z", { catalogVersion: 8, sha256: "def" }), "ERR_INSTALL_OLDER"],
    [
      "after another one of its number",
      at("2026-05-20T12:00:00Z", { catalogVersion: 7, sha256: "def" }),
      "ERR_INSTALL_OLDER",
    ],
  ])("not %s", (_, admission, code) => {
    expect(admission).toThrow(expect.objectContaining({ code }));
  });
});

function flipped(signature: string): string {
  const bytes = Buffer.from(signature, "base64");
  bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
  return bytes.toString("base64");
}
