// Draws the last line of the screen: a question, what has become of an order, what is being typed, or the keys. Pure.
import type { DeskFacts } from "./desk-lines.ts";
import type { Model } from "./model.ts";
import { questionOf } from "./orders.ts";
import { cutPieces, type Piece, painted, paintedAll, type Terminal } from "./terminal/pieces.ts";
import type { Size } from "./terminal/screen.ts";
import { columnsOf } from "./terminal/text.ts";
import type { View } from "./view.ts";

export interface FootOptions {
  size: Size;
  terminal: Terminal;
  facts: DeskFacts;
}

export function footLine(model: Model, view: View, { size, terminal, facts }: FootOptions): string {
  const { mode, asked } = view;
  const line = (...pieces: Piece[]) => paintedAll(cutPieces(pieces, size.columns, terminal), terminal);
  if (asked !== undefined)
    return line({ text: questionOf(asked), style: "bold" }, { text: "  y yes, any other key no", style: "gray" });
  if (mode === "filtering" || mode === "searching") {
    const text = mode === "filtering" ? view.filter : view.search;
    return line({ text: `/${text}`, style: "bold" }, { text: "_" }, { text: "  Enter keep, Esc clear", style: "gray" });
  }
  if (facts.said !== undefined) return line({ text: facts.said.text, style: facts.said.isBad ? "red" : "green" });
  let left = size.columns;
  const shown = keysOf(model, view, terminal).flatMap(([key, what]) => {
    const width = columnsOf(key) + columnsOf(what) + 3;
    if (width > left) return [];
    left -= width;
    return [painted({ text: key, style: "bold" }, terminal), painted({ text: ` ${what}  `, style: "gray" }, terminal)];
  });
  return shown.join("");
}

/** The most useful first: a narrow terminal has no room for all. */
function keysOf(
  model: Model,
  { mode, filter, sort, search }: View,
  { isUnicode }: Terminal,
): [key: string, what: string][] {
  const arrows = isUnicode ? "\u2191\u2193" : "j/k";
  const orders: [string, string][] = [
    ["S", "start"],
    ["X", "stop"],
    ["R", "restart"],
  ];
  const ends: [string, string][] = [
    [arrows, "scroll"],
    ["?", "help"],
  ];
  switch (mode) {
    case "details":
      return [["q", "quit"], ["Esc", "back"], ["l", "log"], ["w", "why"], ...orders, ...ends];
    case "log":
      return [
        ["q", "quit"],
        ["Esc", "back"],
        ["/", search === "" ? "search" : `search: ${search}`],
        ["w", "why"],
        ...orders,
        ...ends,
      ];
    case "why":
      return [["q", "quit"], ["Esc", "back"], ["l", "log"], ...orders, ...ends];
    case "messages":
      return [["q", "quit"], ["m", "tasks"], ["D", "dead letters"], ...ends];
    case "letters":
      return [
        ["q", "quit"],
        ["Esc", "back"],
        ["Enter", "open"],
        ["R", "replay"],
        ["X", "forget"],
        ["m", "queues"],
        ...ends,
      ];
    case "letter":
      return [["q", "quit"], ["Esc", "back"], ["R", "replay"], ["X", "forget"], ...ends];
    case "help":
      return [
        ["q", "quit"],
        ["Enter", "back"],
        [arrows, "scroll"],
      ];
    default:
      return [
        ["q", "quit"],
        ["?", "help"],
        ["Enter", "all"],
        ["l", "log"],
        ["w", "why"],
        ...orders,
        ["/", filter === "" ? "filter" : `filter: ${filter}`],
        ...(model.bus === undefined ? [] : ([["m", "messages"]] as [string, string][])),
        [arrows, "select"],
        ["s", `sort: ${sort}`],
        ["r", "reverse"],
      ];
  }
}
