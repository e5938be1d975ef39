// Text of other programs on a line of its own. Pure.
import { asAscii } from "../../src/protocol/json.ts";

/** As it is, but for what would move a terminal's cursor or end the line. */
export function printable(text: string): string {
  // JSON escapes the rest of what controls a terminal.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, (found) => asAscii(JSON.stringify(found)).slice(1, -1));
}

/** JSON on a line, of at most so many characters. */
export function shortened(value: unknown, most: number): string {
  const text = printable(JSON.stringify(value));
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
