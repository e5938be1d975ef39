// Draws what is known as lines of text: the live screen, and the one table of `--once`. Pure: model, view, size and time
// go in, exactly as many lines as the terminal has come out. Pure.

import { detailLines, HELP } from "./details.ts";
import type { Model, TaskRow } from "./model.ts";
import {
  cutPieces,
  ellipsisOf,
  type Line,
  type Looks,
  type Piece,
  painted,
  paintedAll,
  sides,
  widthOf,
} from "./pieces.ts";
import { STATES, stateText, styleOf } from "./states.ts";
import { type Placed, placeColumns } from "./table-columns.ts";
import { columnsOf, duration, fill } from "./text.ts";
import { FIRST_VIEW, scrolledTo, selectedIndex, shownRows, type View } from "./view.ts";

export interface Size {
  columns: number;
  rows: number;
}

export interface Drawing {
  lines: string[];
  /** How far down it is scrolled, and how many lines a page has. */
  top: number;
  page: number;
}

/** Figures older than this are old news, in milliseconds; a provider samples each second. */
const SILENCE_MS = 5_000;

/** The whole screen. */
export function draw(model: Model, view: View, { size, looks, nowMs }: Drawn): Drawing {
  const rows = shownRows(model.rows.values(), view);
  // A low window keeps what one came for.
  const feet = size.rows > 4 ? 1 : 0;
  const heads = Math.max(0, Math.min(2, size.rows - feet - 3));
  const room = Math.max(1, size.rows - heads - feet);
  const body = bodyOf(model, rows, view, { size: { columns: size.columns, rows: room }, looks });
  const filled = [...body.lines, ...Array<string>(Math.max(0, room - body.lines.length)).fill("")];
  const head = headLines(model, placeIn(body, rows, view, model), { size, looks, nowMs }).slice(0, heads);
  return { ...body, lines: [...head, ...filled, ...(feet === 0 ? [] : [footLine(view, size, looks)])] };
}

/** Which part of the table is in view, where that is not all of it. */
function placeIn({ top, page }: Drawing, rows: readonly TaskRow[], { mode }: View, model: Model): string {
  if (mode === "details" || mode === "help") return "";
  const isPart = rows.length > page;
  const part = isPart ? `${top + 1}-${Math.min(rows.length, top + page)} of ${rows.length}` : "";
  if (rows.length === model.rows.size) return part;
  return isPart ? `${part} that match` : `${rows.length} of ${model.rows.size} match`;
}

interface Drawn {
  size: Size;
  looks: Looks;
  nowMs: number;
}

/** The tasks in a table as long as it takes, without what moves: for `--once`. */
export function drawOnce(model: Model, { columns, looks }: { columns: number; looks: Looks }): string[] {
  const rows = shownRows(model.rows.values(), FIRST_VIEW);
  const placed = placeColumns(rows, { room: columns, isUnicode: looks.isUnicode, hasSparklines: false });
  const lines = [headOf(placed, { isReversed: false }, looks), ...rows.map((row) => rowLine(row, placed, looks))];
  return lines.map((line) => line.trimEnd());
}

// --- the head ----------------------------------------------------------------------------------------------------------

function headLines(model: Model, place: string, { size, looks, nowMs }: Drawn): string[] {
  const running = [...model.sampledMs.keys()];
  const named = running.length === 0 ? ["no transaction"] : running.slice(0, 3);
  const more = running.length > named.length ? ` +${running.length - named.length}` : "";
  const over = model.ended === undefined ? "" : `${model.ended} ended`;
  const title = [model.contextId, running.length === 0 && over !== "" ? over : named.join(" ") + more];
  const left = [
    { text: title.filter((word) => word !== "").join(looks.isUnicode ? " · " : " - "), style: "bold" as const },
  ];
  const right = [place, costText(model)].filter((text) => text !== "").join("  ");
  const counts = totals(model, size.columns - place.length - 2, looks);
  // Where there is no room for all, one's own tasks come first.
  const hasRoom = widthOf(counts) + 2 + right.length <= size.columns;
  const said = hasRoom ? right : place;
  return [
    sides(left, linkPieces(model, looks, nowMs), size.columns, looks),
    sides(counts, said === "" ? [] : [{ text: said, style: "gray" }], size.columns, looks),
  ];
}

/** What it costs to have all this done. */
function costText({ cost }: Model): string {
  return cost === undefined ? "" : `provider ${cost.cpu.toFixed(1)}% ${cost.rss.toFixed(1)} MiB`;
}

function linkPieces({ link, sampledMs }: Model, { isUnicode }: Looks, nowMs: number): Piece[] {
  switch (link.kind) {
    case "waiting":
      return [{ text: `waiting for ${link.what}`, style: "yellow" }];
    case "away":
      return [{ text: `provider away for ${duration((nowMs - link.sinceMs) / 1_000)}, waiting`, style: "yellow" }];
    case "connected": {
      const latest = Math.max(...[...sampledMs.values()].map((atMs) => atMs ?? Number.POSITIVE_INFINITY));
      const silentMs = nowMs - latest;
      if (silentMs > SILENCE_MS && silentMs !== Number.POSITIVE_INFINITY)
        return [{ text: `${link.endpoint} silent for ${duration(silentMs / 1_000)}`, style: "yellow" }];
      return [{ text: `${link.endpoint} ` }, { text: isUnicode ? "● live" : "* live", style: "green" }];
    }
  }
}

function totals({ rows }: Model, columns: number, { isUnicode }: Looks): Piece[] {
  const tasks = [...rows.values()];
  if (tasks.length === 0) return [];
  const sum = (figure: (row: TaskRow) => number | undefined) =>
    tasks.reduce((total, row) => total + (figure(row) ?? 0), 0).toFixed(1);
  const counts = STATES.flatMap((state) => {
    const count = tasks.filter((row) => row.state === state).length;
    return count === 0 ? [] : [{ text: stateText(state, isUnicode), count, style: styleOf(state) }];
  });
  const pieces = (textOf: (text: string, count: number) => string) => [
    { text: tasks.length === 1 ? "1 task" : `${tasks.length} tasks` },
    { text: `  CPU ${sum(({ cpu }) => cpu)}%  RSS ${sum(({ rss }) => rss)} MiB` },
    ...counts.map(({ text, count, style }) => ({ text: textOf(text, count), style })),
  ];
  const long = pieces((text, count) => `  ${withCount(text, count)}`);
  return widthOf(long) <= columns ? long : pieces((text, count) => ` ${text.slice(0, text.indexOf(" "))}${count}`);
}

// `● 3 running`.
function withCount(text: string, count: number): string {
  return text.replace(" ", ` ${count} `);
}

// --- the table ---------------------------------------------------------------------------------------------------------

function bodyOf(model: Model, rows: readonly TaskRow[], view: View, { size, looks }: Omit<Drawn, "nowMs">): Drawing {
  if (view.mode === "help") return page([...HELP, "", ...legend(looks)].map(indented), view.top, size, looks);
  const chosen = view.mode === "details" ? model.rows.get(view.selected ?? "") : undefined;
  if (chosen !== undefined)
    return page(detailLines(chosen, { columns: size.columns, isUnicode: looks.isUnicode }), view.top, size, looks);
  if (rows.length === 0) return page([{ text: "" }, ...emptyLines(model, view)], 0, size, looks);
  return table(rows, view, { size, looks, isOld: model.link.kind !== "connected" });
}

/** What was known of tasks whose provider is away is shown, and not as if it were so. */
function table(
  rows: readonly TaskRow[],
  view: View,
  { size, looks, isOld }: { size: Size; looks: Looks; isOld: boolean },
): Drawing {
  const room = Math.max(1, size.rows - 1);
  const index = selectedIndex(rows, view);
  const top = scrolledTo(index, { top: view.top, room, count: rows.length });
  const placed = placeColumns(rows, { room: size.columns - 2, isUnicode: looks.isUnicode, hasSparklines: true });
  const shown = rows.slice(top, top + room).map((row, at) => {
    const isSelected = top + at === index;
    if (!isSelected && !isOld) return `  ${rowLine(row, placed, looks)}`;
    // Colours of its own would make the bar of the selected row a patchwork.
    const line = rowLine(row, placed, { ...looks, isColoured: false });
    if (!isSelected) return painted({ text: `  ${line}`, style: "gray" }, looks);
    const mark = looks.isUnicode ? "▸ " : "> ";
    return painted({ text: fill(mark + line, size.columns), style: "inverse" }, looks);
  });
  const head = `  ${headOf(placed, view, looks)}`;
  return { lines: [...(size.rows > 1 ? [head] : []), ...shown], top, page: room };
}

function headOf(placed: readonly Placed[], view: Partial<View>, looks: Looks): string {
  const up = looks.isUnicode ? "▲" : "^";
  const down = looks.isUnicode ? "▼" : "v";
  const heads = placed.map(({ column, width }) => {
    // Names rise from the top, all other orders fall.
    const isRising = (view.sort === "task" || view.sort === "state") !== view.isReversed;
    const mark = column.sort === undefined || column.sort !== view.sort ? "" : isRising ? up : down;
    return fill(column.head + mark, width, { isRight: column.isRight === true, ellipsis: "" });
  });
  return painted({ text: heads.join("  "), style: "bold" }, looks);
}

function rowLine(row: TaskRow, placed: readonly Placed[], looks: Looks): string {
  const cells = placed.map(({ column, width }) => {
    const text = column.text(row, { width, isUnicode: looks.isUnicode });
    const filled = fill(text, width, { isRight: column.isRight === true, ellipsis: ellipsisOf(looks) });
    return painted({ text: filled, style: column.style?.(row) }, looks);
  });
  return cells.join("  ");
}

function emptyLines({ link, rows }: Model, { filter }: View): Piece[] {
  if (link.kind !== "connected") return [{ text: "  The table comes with the provider." }];
  if (rows.size > 0) return [{ text: `  No task matches "${filter}".` }];
  return [
    { text: "  No transaction runs. Start one:" },
    { text: "  conf-command --action start --context_file <file>", style: "cyan" },
  ];
}

// --- lines that scroll -------------------------------------------------------------------------------------------------

function page(pieces: readonly Line[], top: number, size: Size, looks: Looks): Drawing {
  const shownTop = Math.max(0, Math.min(top, pieces.length - size.rows));
  const lines = pieces
    .slice(shownTop, shownTop + size.rows)
    .map((line) => paintedAll(cutPieces([line].flat(), size.columns, looks), looks));
  return { lines, top: shownTop, page: Math.max(1, size.rows - 1) };
}

function legend({ isUnicode }: Looks): string[] {
  const texts = STATES.map((state) => fill(stateText(state, isUnicode), 16));
  return [0, 4, 8].map((from) => texts.slice(from, from + 4).join(""));
}

function indented(text: string): Piece {
  return { text: `  ${text}` };
}

// --- the foot ----------------------------------------------------------------------------------------------------------

function footLine({ mode, filter, sort }: View, size: Size, looks: Looks): string {
  if (mode === "filtering")
    return paintedAll(
      cutPieces(
        [{ text: `/${filter}`, style: "bold" }, { text: "_" }, { text: "  Enter keep, Esc clear", style: "gray" }],
        size.columns,
        looks,
      ),
      looks,
    );
  const arrows = looks.isUnicode ? "↑↓" : "j/k";
  const keys = {
    table: [
      ["q", "quit"],
      ["?", "help"],
      [arrows, "select"],
      ["Enter", "details"],
      ["/", filter === "" ? "filter" : `filter: ${filter}`],
      ["s", `sort: ${sort}`],
      ["r", "reverse"],
    ],
    details: [
      ["q", "quit"],
      ["Esc", "back"],
      [arrows, "scroll"],
      ["?", "help"],
    ],
    help: [
      ["q", "quit"],
      ["Enter", "back"],
      [arrows, "scroll"],
    ],
  }[mode];
  let left = size.columns;
  const shown = keys.flatMap(([key = "", what = ""]) => {
    const width = columnsOf(key) + columnsOf(what) + 3;
    if (width > left) return [];
    left -= width;
    return [painted({ text: key, style: "bold" }, looks), painted({ text: ` ${what}  `, style: "gray" }, looks)];
  });
  return shown.join("");
}
