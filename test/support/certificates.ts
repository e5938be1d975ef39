// An authority of a test's own, and certificates that it signs.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Folder, makeFolder } from "./folder.ts";

/** Paths of PEM files. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface Authority extends AsyncDisposable {
  /** The path of its own certificate, in PEM. */
  readonly ca: string;
  /** @param host - As a certificate names it, such as `IP:127.0.0.1`. @param days - How long it is valid from now on. */
  sign(options?: { host?: string; days?: number }): Promise<Certificate>;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export async function createAuthority(): Promise<Authority> {
  const folder = await makeFolder();
  const [ca, caKey] = [folder.at("ca.pem"), folder.at("ca.key")];
  await openssl(
    "req",
    "-x509",
    ...KEY,
    "-keyout",
    caKey,
    "-out",
    ca,
    "-subj",
    "/CN=An authority of tests",
    "-days",
    "2",
  );
  let count = 0;
  return {
    ca,
    sign({ host = "IP:127.0.0.1", days = 1 } = {}) {
      count += 1;
      return sign(folder, `s${count}`, { ca, caKey, host, days });
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

async function sign(
  folder: Folder,
  name: string,
  { ca, caKey, host, days }: { ca: string; caKey: string; host: string; days: number },
): Promise<Certificate> {
  const [cert, key, request] = [folder.at(`${name}.pem`), folder.at(`${name}.key`), folder.at(`${name}.csr`)];
  const extensions = await folder.write(`${name}.ext`, `subjectAltName=${host}\n`);
  await openssl("req", ...KEY, "-keyout", key, "-out", request, "-subj", `/CN=${name}`);
  const signing = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", String(days), "-extfile", extensions];
  await openssl("x509", "-req", "-in", request, "-out", cert, ...signing);
  return { cert, key };
}

async function openssl(...words: string[]): Promise<void> {
  await promisify(execFile)("openssl", words);
}
