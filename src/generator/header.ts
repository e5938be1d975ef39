// What is generated says so in its first line, with a hash of the rest: as long as they agree nobody has changed it.
import { createHash } from "node:crypto";

const HEADER = /^(?:\/\/|#) Written by create-service; replaced while it is unchanged: sha256 ([0-9a-f]{64})\r?\n/;

/** The text under its header; `comment` begins a comment of its language. */
export function withHeader(text: string, comment: "//" | "#"): string {
  return `${comment} Written by create-service; replaced while it is unchanged: sha256 ${hashOf(text)}\n${text}`;
}

/** Whether a text is still as `withHeader` made it. */
export function isUntouched(text: string): boolean {
  const [header, hash] = HEADER.exec(text) ?? [];
  return header !== undefined && hashOf(text.slice(header.length)) === hash;
}

/** Whether two texts are the same, as far as anybody means it: a checkout may have changed the line ends. */
export function isSameText(one: string, other: string): boolean {
  return withoutCr(one) === withoutCr(other);
}

function hashOf(text: string): string {
  return createHash("sha256").update(withoutCr(text)).digest("hex");
}

function withoutCr(text: string): string {
  return text.replaceAll("\r\n", "\n");
}
