// Lines made of pieces, each with a style of its own, so that they are cut before they are coloured. Pure.
import { styleText } from "node:util";
import type { Style } from "./states.ts";
import { columnsOf, cut } from "./text.ts";

/** What the terminal can show. */
export interface Terminal {
  isUnicode: boolean;
  isColoured: boolean;
}

/** A piece of a line. */
export interface Piece {
  text: string;
  style?: Style | undefined;
}

/** A line: one piece, or several. */
export type Line = Piece | readonly Piece[];

/** One part at the left, one at the right; where there is no room for both, the left is cut. */
export function sides(left: readonly Piece[], right: readonly Piece[], columns: number, terminal: Terminal): string {
  const shownRight = cutPieces(right, columns, terminal);
  const gap = shownRight.length === 0 ? 0 : 2;
  const shownLeft = cutPieces(left, Math.max(0, columns - widthOf(shownRight) - gap), terminal);
  const space = Math.max(0, columns - widthOf(shownLeft) - widthOf(shownRight));
  return paintedAll([...shownLeft, { text: " ".repeat(space) }, ...shownRight], terminal);
}

/** How many columns they take. */
export function widthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((total, { text }) => total + columnsOf(text), 0);
}

/** As much of them as that many columns hold. */
export function cutPieces(pieces: readonly Piece[], columns: number, terminal: Terminal): Piece[] {
  let left = columns;
  return pieces.flatMap(({ text, style }) => {
    const shown = cut(text, left, ellipsisOf(terminal));
    left -= columnsOf(shown);
    return shown === "" ? [] : [{ text: shown, style }];
  });
}

export function painted({ text, style }: Piece, { isColoured }: Terminal): string {
  return style === undefined || !isColoured ? text : styleText(style, text, { validateStream: false });
}

export function paintedAll(pieces: readonly Piece[], terminal: Terminal): string {
  return pieces.map((piece) => painted(piece, terminal)).join("");
}

/** What stands for what was cut. */
export function ellipsisOf({ isUnicode }: Terminal): string {
  return isUnicode ? "…" : "~";
}
