// What a provider keeps of a task as its file had it at the start, whatever messages bring: told by digests, so that others
// can compare it with the file of today. Pure.
import { createHash } from "node:crypto";
import type { TaskServiceConfig } from "./model.ts";

/** Digests of the parts of a task that no message changes. */
export interface KeptTask {
  id: string;
  command: string;
  supervision: string;
}

export function keptOf({ id, command, supervision }: TaskServiceConfig): KeptTask {
  return { id, command: digestOf(command), supervision: digestOf(supervision) };
}

// The reader fills in each object in one order.
function digestOf(part: object | undefined): string {
  return createHash("sha256")
    .update(JSON.stringify(part ?? null))
    .digest("hex")
    .slice(0, 16);
}
