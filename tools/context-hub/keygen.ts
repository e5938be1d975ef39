// `context-hub keygen`: the pair of keys of a hub, and the credentials of nodes.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ZcontextError } from "../../src/errors.ts";
import { assertServiceName } from "../../src/hub/install/names.ts";
import { createKeys } from "../../src/hub/install/signature.ts";
import { writeNew } from "../../src/hub/server/catalogue.ts";
import { addNode } from "../../src/hub/server/nodes.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";

export interface KeygenOptions {
  data: string;
  node?: string;
  file?: string;
  json?: boolean;
}

export async function keygen({ data, node, file, json = false }: KeygenOptions): Promise<number> {
  if (node === undefined && file !== undefined) throw new ZcontextError("ERR_USAGE", "--file requires --node");
  await mkdir(data, { recursive: true, mode: 0o700 });
  const files = node === undefined ? await makeKeys(data) : await letIn(data, node, file);
  if (json) answerJson(files);
  else for (const [what, path] of Object.entries(files)) answer(`${what.padEnd(12)}${path}`);
  if (!json) say(node === undefined ? PIN : KEEP);
  return EXIT.done;
}

const PIN =
  "Copy the public key to each node, and name it in <hub_key>. Whoever has the private key decides what nodes run.";
const KEEP =
  "Copy the file to the node, mode 0600, and name it in <credentials_file>. The hub keeps a hash of it only.";

async function makeKeys(data: string) {
  const { privateKey, publicKey } = createKeys();
  const files = { private_key: join(data, "hub.key"), public_key: join(data, "hub.pem") };
  await writeNew(files.private_key, privateKey);
  await writeNew(files.public_key, publicKey, 0o644);
  return files;
}

async function letIn(data: string, node: string, file = `${node}.credentials`) {
  assertServiceName(node);
  await addNode(data, node, file);
  return { node, credentials: file };
}
