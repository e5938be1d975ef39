// The folder of a socket for messages: its owner alone can enter it, and the token that lets programs in lies beside the socket.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ZcontextError } from "../errors.ts";

/** The longest path of a socket, in bytes; see unix(7). */
const LONGEST_PATH = 107;
const TOKEN_BYTES = 32;

/**
 * Makes the folder anew.
 *
 * @returns Where the socket is to be, and the token.
 * @throws {ZcontextError} `ERR_ENGINE_UNFIT` where the path of the socket is too long.
 */
export async function makeBusFolder(folder: string): Promise<{ path: string; url: string; token: string }> {
  const path = join(folder, "broker");
  assertLength(path);
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await writeFile(join(folder, "token"), `${token}\n`, { mode: 0o600 });
  return { path, url: `ipc://${path}`, token };
}

function assertLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= LONGEST_PATH) return;
  throw new ZcontextError(
    "ERR_ENGINE_UNFIT",
    `${path}: the path of a socket has at most ${LONGEST_PATH} bytes, this one has ${length}`,
  );
}
