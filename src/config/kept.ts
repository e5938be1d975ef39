// What a provider keeps of a task as its file had it at the start, whatever messages bring: told by digests, so that others
// can compare it with the file of today. Pure.
import { digestOf } from "../digest.ts";
import type { TaskServiceConfig } from "./model.ts";

/** Digests of the parts of a task that no message changes. */
export interface KeptTask {
  id: string;
  command: string;
  supervision: string;
}

export function keptOf({ id, command, supervision }: TaskServiceConfig): KeptTask {
  return { id, command: digestOfPart(command), supervision: digestOfPart(supervision) };
}

// The reader fills in each object in one order.
function digestOfPart(part: object | undefined): string {
  return digestOf(JSON.stringify(part ?? null), 16);
}
