/**
 * Decodes UTF-8; a byte order mark stays. Where other bytes became question marks, they would be in everything that is
 * made of the text.
 *
 * @throws where there are other bytes.
 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Error("expected UTF-8 text, got other bytes", { cause: error });
  }
}
