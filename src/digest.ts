import { createHash } from "node:crypto";

/** Stands for a text in a name or a comparison: the first hexadecimal digits of its SHA-256, at most 64. */
export function digestOf(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
