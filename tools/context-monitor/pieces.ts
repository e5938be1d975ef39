// Lines made of pieces, each with a style of its own, so that they are cut before they are coloured. Pure.
import { styleText } from "node:util";
import type { Style } from "./states.ts";
import { columnsOf, cut } from "./text.ts";

/** How this terminal shows things. */
export interface Looks {
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
export function sides(left: readonly Piece[], right: readonly Piece[], columns: number, looks: Looks): string {
  const shownRight = cutPieces(right, columns, looks);
  const gap = shownRight.length === 0 ? 0 : 2;
  const shownLeft = cutPieces(left, Math.max(0, columns - widthOf(shownRight) - gap), looks);
  const space = Math.max(0, columns - widthOf(shownLeft) - widthOf(shownRight));
  return paintedAll([...shownLeft, { text: " ".repeat(space) }, ...shownRight], looks);
}

/** How many columns they take. */
export function widthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((total, { text }) => total + columnsOf(text), 0);
}

/** As much of them as that many columns hold. */
export function cutPieces(pieces: readonly Piece[], columns: number, looks: Looks): Piece[] {
  let left = columns;
  return pieces.flatMap(({ text, style }) => {
    const shown = cut(text, left, ellipsisOf(looks));
    left -= columnsOf(shown);
    return shown === "" ? [] : [{ text: shown, style }];
  });
}

export function painted({ text, style }: Piece, { isColoured }: Looks): string {
  return style === undefined || !isColoured ? text : styleText(style, text, { validateStream: false });
}

export function paintedAll(pieces: readonly Piece[], looks: Looks): string {
  return pieces.map((piece) => painted(piece, looks)).join("");
}

/** What stands for what was cut. */
export function ellipsisOf({ isUnicode }: Looks): string {
  return isUnicode ? "…" : "~";
}
