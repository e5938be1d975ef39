// Archives as a hub's nodes get them, and such as nobody should make.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { Header, type HeaderData } from "tar";

export interface ArchiveEntry extends HeaderData {
  path: string;
  text?: string;
}

const BLOCK = 512;

/** A tar archive with these entries, headers as they are given, compressed. */
export function archiveOf(entries: readonly ArchiveEntry[], { isWhole = true } = {}): Buffer {
  const blocks = entries.flatMap(({ text = "", ...header }) => {
    const body = Buffer.from(text);
    const block = Buffer.alloc(BLOCK);
    new Header({ mode: 0o644, type: "File", size: body.length, mtime: new Date(0), ...header }).encode(block);
    return [block, Buffer.concat([body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)])];
  });
  return gzipSync(Buffer.concat([...blocks, ...(isWhole ? [Buffer.alloc(2 * BLOCK)] : [])]));
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
