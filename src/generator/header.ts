// Marks generated files by a first line with a hash of the rest: while the two agree, the file was not changed. Pure.
import { createHash } from "node:crypto";

const HEADER = /^(?:\/\/|#) Written by create-service; replaced while it is unchanged: sha256 ([0-9a-f]{64})\r?\n/;

/** The text with its header line; `comment` begins a comment in its language. */
export function withHeader(text: string, comment: "//" | "#"): string {
  return `${comment} Written by create-service; replaced while it is unchanged: sha256 ${hashOf(text)}\n${text}`;
}

/** Whether a text is still as `withHeader` made it. */
export function isUntouched(text: string): boolean {
  const [header, hash] = HEADER.exec(text) ?? [];
  return header !== undefined && hashOf(text.slice(header.length)) === hash;
}

/** Whether two texts are the same but for their line ends, which a checkout may have changed. */
export function isSameText(one: string, other: string): boolean {
  return withoutCr(one) === withoutCr(other);
}

function hashOf(text: string): string {
  return createHash("sha256").update(withoutCr(text)).digest("hex");
}

function withoutCr(text: string): string {
  return text.replaceAll("\r\n", "\n");
}
