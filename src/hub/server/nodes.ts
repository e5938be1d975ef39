// The nodes that may sign in at a hub: those with a secret of their own, of which the hub keeps a hash.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { ownMember } from "../../protocol/json.ts";
import { readIfThere, writeNew, writeWhole } from "./catalogue.ts";

const SECRET_BYTES = 24;

/**
 * Lets a node in, by a secret that is written to a file for it.
 *
 * @param file - Must not exist; gets mode 0600 and the lines `user=…` and `pass=…`.
 */
export async function addNode(folder: string, node: string, file: string): Promise<void> {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  await writeNew(file, `user=${node}\npass=${secret}\n`);
  const nodes = { ...(await readNodes(folder)), [node]: hashOf(secret) };
  await writeWhole(join(folder, "nodes.json"), `${JSON.stringify(nodes, undefined, 2)}\n`, 0o600);
}

/** The nodes that may sign in, with the hashes of their secrets. Read each time: `keygen` adds nodes while a hub runs. */
export async function readNodes(folder: string): Promise<Record<string, string>> {
  const bytes = await readIfThere(join(folder, "nodes.json"));
  return bytes === undefined ? {} : (JSON.parse(bytes.toString("utf8")) as Record<string, string>);
}

/** Whether a node may sign in with this; takes the same time however much of it is right. */
export function mayEnter(nodes: Record<string, string>, node: string, secret: string): boolean {
  const expected = Buffer.from(ownMember(nodes, node) ?? "", "hex");
  const came = Buffer.from(hashOf(secret), "hex");
  return expected.length === came.length && timingSafeEqual(expected, came);
}

// The secret is random and long: it needs no salt, and no hash that is slow.
function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
