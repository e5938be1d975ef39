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

/**
 * JSON text with the line ends of Unicode escaped. JSON allows them in strings, but line readers split at them: Node's
 * from version 24 on, and `str.splitlines` of Python.
 */
export function asOneLine(json: string): string {
  return json.replace(/[\u0085\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
