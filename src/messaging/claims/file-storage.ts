// Bodies of claim checks as files in one folder, each named for its token and the time until which it is kept.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessageStorage } from "./claim-check.ts";

const TOKEN = /^[0-9a-f]{32}-[0-9a-z]{1,10}$/;
/** How often expired files are removed, in milliseconds; done while storing. */
const SWEEP_MS = 60_000;

/** @param folder - Made when it is absent, readable for its owner alone. */
export function createFileStorage(folder: string, nowMs: () => number = Date.now): MessageStorage {
  let nextSweepMs = 0;

  async function sweep(): Promise<void> {
    if (nowMs() < nextSweepMs) return;
    nextSweepMs = nowMs() + SWEEP_MS;
    const expired = (await readdir(folder)).filter((name) => TOKEN.test(name) && expiryOf(name) < nowMs());
    await Promise.all(expired.map((name) => rm(join(folder, name), { force: true })));
  }

  return {
    async storeMessage(body, ttlMs) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await sweep();
      const token = `${randomBytes(16).toString("hex")}-${Math.ceil(nowMs() + ttlMs).toString(36)}`;
      // A reader sees the whole file or none.
      const partial = join(folder, `${token}.partial`);
      await writeFile(partial, body, { mode: 0o600 });
      await rename(partial, join(folder, token));
      return token;
    },
    async recoverMessage(token) {
      if (!TOKEN.test(token) || expiryOf(token) < nowMs()) return undefined;
      return readFile(join(folder, token)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      });
    },
  };
}

function expiryOf(token: string): number {
  return Number.parseInt(token.slice(token.indexOf("-") + 1), 36);
}
