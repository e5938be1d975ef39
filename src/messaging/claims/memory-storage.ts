// Bodies of claim checks in the memory of one program, for tests.
import { randomUUID } from "node:crypto";
import type { MessageStorage } from "./claim-check.ts";

export function createMemoryStorage(nowMs: () => number = Date.now): MessageStorage {
  const bodies = new Map<string, { body: Buffer; untilMs: number }>();
  return {
    async storeMessage(body, ttlMs) {
      for (const [token, { untilMs }] of bodies) if (untilMs < nowMs()) bodies.delete(token);
      const token = randomUUID();
      bodies.set(token, { body, untilMs: nowMs() + ttlMs });
      return token;
    },
    async recoverMessage(token) {
      const found = bodies.get(token);
      return found === undefined || found.untilMs < nowMs() ? undefined : found.body;
    },
  };
}
