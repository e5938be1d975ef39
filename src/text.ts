/**
 * Decodes UTF-8, and keeps a byte order mark.
 *
 * @throws for invalid bytes: replaced by question marks, they would get into everything made from the text.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Error("expected UTF-8 text, got other bytes", { cause: error });
  }
}
