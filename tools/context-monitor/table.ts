// Draws the model as lines of text: the live screen, which has exactly as many lines as the terminal, and the table of
// `--once`. Pure.

import { cutMiddle } from "../../src/cut-middle.ts";
import { type DeskFacts, lastLogLines, letterLines, logLines, NO_FACTS, openedLines, whyLines } from "./desk-lines.ts";
import { detailLines, HELP } from "./details.ts";
import { footLine } from "./foot.ts";
import type { Model, TaskRow } from "./model.ts";
import { queueLines } from "./queue-table.ts";
import { type Placed, placeColumns } from "./table-columns.ts";
import {
  cutPieces,
  ellipsisOf,
  type Line,
  type Piece,
  painted,
  paintedAll,
  sides,
  type Terminal,
  widthOf,
} from "./terminal/pieces.ts";
import type { Size } from "./terminal/screen.ts";
import { STATES_BY_SEVERITY, stateText, styleOf } from "./terminal/states.ts";
import { columnsOf, duration, fill } from "./terminal/text.ts";
import { FIRST_VIEW, isTable, letterIndex, scrolledTo, selectedIndex, shownRows, type View } from "./view.ts";

export interface Drawing {
  lines: string[];
  /** How far down it is scrolled, and how many lines a page has. */
  top: number;
  page: number;
  /** Its last line is in view. */
  isAtEnd: boolean;
}

/** A provider samples each second; after so long without a sample it counts as silent, in milliseconds. */
const SILENCE_MS = 5_000;

/** Where that many lines are left below the table, the log of the chosen task is shown there. */
const LEAST_PANE = 6;

/** The whole screen. */
export function draw(model: Model, view: View, { size, terminal, nowMs, facts = NO_FACTS }: Drawn): Drawing {
  const rows = shownRows(model.rows.values(), view);
  // A low window keeps the tasks and leaves out the rest.
  const feet = size.rows > 4 ? 1 : 0;
  const heads = Math.max(0, Math.min(2, size.rows - feet - 3));
  const room = Math.max(1, size.rows - heads - feet);
  const body = bodyOf(model, rows, view, { size: { columns: size.columns, rows: room }, terminal, nowMs, facts });
  const filled = [...body.lines, ...Array<string>(Math.max(0, room - body.lines.length)).fill("")];
  const head = headLines(model, placeIn(body, rows, view, model), { size, terminal, nowMs }).slice(0, heads);
  return {
    ...body,
    lines: [...head, ...filled, ...(feet === 0 ? [] : [footLine(model, view, { size, terminal, facts })])],
  };
}

/** Which part of the table is in view, where that is not all of it. */
function placeIn({ top, page }: Drawing, rows: readonly TaskRow[], view: View, model: Model): string {
  if (!isTable(view)) return "";
  const isPart = rows.length > page;
  const part = isPart ? `${top + 1}-${Math.min(rows.length, top + page)} of ${rows.length}` : "";
  if (rows.length === model.rows.size) return part;
  return isPart ? `${part} that match` : `${rows.length} of ${model.rows.size} match`;
}

interface Drawn {
  size: Size;
  terminal: Terminal;
  nowMs: number;
  facts?: DeskFacts;
}

/** The same for a part of it. */
interface Place extends Drawn {
  facts: DeskFacts;
}

/** All tasks in one table without sparklines: for `--once`. */
export function drawOnce(model: Model, { columns, terminal }: { columns: number; terminal: Terminal }): string[] {
  const rows = shownRows(model.rows.values(), FIRST_VIEW);
  const placed = placeColumns(rows, { room: columns, isUnicode: terminal.isUnicode, hasSparklines: false });
  const lines = [headOf(placed, { isReversed: false }, terminal), ...rows.map((row) => rowLine(row, placed, terminal))];
  return lines.map((line) => line.trimEnd());
}

// --- the head ----------------------------------------------------------------------------------------------------------

function headLines(model: Model, place: string, { size, terminal, nowMs }: Drawn): string[] {
  const running = [...model.sampledMs.keys()];
  const named = running.length === 0 ? ["no transaction"] : running.slice(0, 3);
  const more = running.length > named.length ? ` +${running.length - named.length}` : "";
  const over = model.ended.size === 0 ? "" : `${[...model.ended].join(" ")} ended`;
  const title = [model.contextId, running.length === 0 && over !== "" ? over : named.join(" ") + more];
  const left = [
    { text: title.filter((word) => word !== "").join(terminal.isUnicode ? " · " : " - "), style: "bold" as const },
  ];
  const right = [place, costText(model)].filter((text) => text !== "").join("  ");
  const counts = totals(model, size.columns - place.length - 2, terminal);
  // Where there is no room for both, the tasks come before the cost of the provider.
  const hasRoom = widthOf(counts) + 2 + right.length <= size.columns;
  const said = hasRoom ? right : place;
  return [
    sides(left, connectionPieces(model, terminal, nowMs), size.columns, terminal),
    sides(counts, said === "" ? [] : [{ text: said, style: "gray" }], size.columns, terminal),
  ];
}

/** What the provider itself takes. */
function costText({ cost }: Model): string {
  return cost === undefined ? "" : `provider ${cost.cpu.toFixed(1)}% ${cost.rss.toFixed(1)} MiB`;
}

function connectionPieces({ connection, sampledMs }: Model, { isUnicode }: Terminal, nowMs: number): Piece[] {
  switch (connection.kind) {
    case "waiting":
      return [{ text: `waiting for ${connection.what}`, style: "yellow" }];
    case "away":
      return [
        { text: `provider away for ${duration((nowMs - connection.sinceMs) / 1_000)}, waiting`, style: "yellow" },
      ];
    case "connected": {
      const latest = Math.max(...[...sampledMs.values()].map((atMs) => atMs ?? Number.POSITIVE_INFINITY));
      const silentMs = nowMs - latest;
      if (silentMs > SILENCE_MS && silentMs !== Number.POSITIVE_INFINITY)
        return [{ text: `${connection.endpoint} silent for ${duration(silentMs / 1_000)}`, style: "yellow" }];
      return [{ text: `${connection.endpoint} ` }, { text: isUnicode ? "● live" : "* live", style: "green" }];
    }
  }
}

function totals({ rows }: Model, columns: number, { isUnicode }: Terminal): Piece[] {
  const tasks = [...rows.values()];
  if (tasks.length === 0) return [];
  const sum = (figure: (row: TaskRow) => number | undefined) =>
    tasks.reduce((total, row) => total + (figure(row) ?? 0), 0).toFixed(1);
  const counts = STATES_BY_SEVERITY.flatMap((state) => {
    const count = tasks.filter((row) => row.state === state).length;
    return count === 0 ? [] : [{ text: stateText(state, isUnicode), count, style: styleOf(state) }];
  });
  const pieces = (textOf: (text: string, count: number) => string) => [
    { text: tasks.length === 1 ? "1 task" : `${tasks.length} tasks` },
    { text: `  CPU ${sum(({ cpu }) => cpu)}%  MEM ${sum(({ memory }) => memory)} MiB` },
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

function bodyOf(model: Model, rows: readonly TaskRow[], view: View, place: Place): Drawing {
  const { size, terminal, nowMs, facts } = place;
  const { columns } = size;
  const chosen = isTable(view) ? undefined : model.rows.get(view.selected ?? "");
  switch (view.mode) {
    case "help":
      return page([...HELP, "", ...legend(terminal)].map(indented), view.top, size, terminal);
    case "messages":
      return page(queueLines(model.bus, columns, terminal), view.top, size, terminal);
    case "letters":
      return lettersPage(model, view, place);
    case "letter":
      return page(openedLines(facts.letter), view.top, size, terminal);
    case "details":
      if (chosen === undefined) break;
      return page(detailLines(chosen, { columns, isUnicode: terminal.isUnicode }), view.top, size, terminal);
    case "why":
      if (chosen === undefined) break;
      return page(whyLines(facts.why, { columns, nowMs }), view.top, size, terminal);
    case "log":
    case "searching":
      if (chosen === undefined) break;
      return logPage(chosen, view, place);
  }
  if (rows.length === 0) return page([{ text: "" }, ...emptyLines(model, view)], 0, size, terminal);
  return tableAndLog(model, rows, view, place);
}

/** The table, and below it, where that leaves much empty, the end of the chosen task's log. */
function tableAndLog(model: Model, rows: readonly TaskRow[], view: View, place: Place): Drawing {
  const { size, terminal, facts } = place;
  const isOld = model.connection.kind !== "connected";
  const left = size.rows - rows.length - 1;
  if (left < LEAST_PANE) return table(rows, view, { size, terminal, isOld });
  const drawn = table(rows, view, { size: { ...size, rows: size.rows - left }, terminal, isOld });
  const chosen = rows[selectedIndex(rows, view)];
  const title = titleOf(`log of ${chosen?.id ?? ""}`, place);
  const lines = lastLogLines(facts.log, left - 2);
  return { ...drawn, lines: [...drawn.lines, "", title, ...lines.map((line) => lineIn(line, place))] };
}

function titleOf(text: string, { size, terminal }: Place): string {
  const rule = terminal.isUnicode ? "\u2500" : "-";
  const title = ` ${text} `;
  const after = rule.repeat(Math.max(0, size.columns - 2 - columnsOf(title)));
  return lineIn([{ text: rule.repeat(2), style: "gray" }, { text: title }, { text: after, style: "gray" }], {
    size,
    terminal,
  });
}

/** The log of one task. It stays at its end, unless somebody has scrolled up. */
function logPage(row: TaskRow, view: View, place: Place): Drawing {
  const { size, terminal, facts } = place;
  const what = view.search === "" ? `log of ${row.id}` : `log of ${row.id}, lines with "${view.search}"`;
  const lines = logLines(facts.log, view.search, size.columns);
  const top = view.isAtEnd ? Number.POSITIVE_INFINITY : view.top;
  return below(titleOf(what, place), page(lines, top, { ...size, rows: size.rows - 1 }, terminal));
}

function lettersPage(model: Model, view: View, { size, terminal, facts }: Place): Drawing {
  if (model.bus === undefined) return page(queueLines(undefined, size.columns, terminal), 0, size, terminal);
  const index = letterIndex(facts.letters.answer ?? [], view);
  const [head = { text: "" }, ...rows] = letterLines(facts.letters, index);
  const room = Math.max(1, size.rows - 1);
  const top = scrolledTo(index, { top: view.top, room, count: rows.length });
  return below(lineIn(head, { size, terminal }), page(rows, top, { ...size, rows: room }, terminal));
}

function below(title: string, drawing: Drawing): Drawing {
  return { ...drawing, lines: [title, ...drawing.lines] };
}

/** Rows of a provider that is away are shown in gray. */
function table(
  rows: readonly TaskRow[],
  view: View,
  { size, terminal, isOld }: { size: Size; terminal: Terminal; isOld: boolean },
): Drawing {
  const room = Math.max(1, size.rows - 1);
  const index = selectedIndex(rows, view);
  const top = scrolledTo(index, { top: view.top, room, count: rows.length });
  const placed = placeColumns(rows, { room: size.columns - 2, isUnicode: terminal.isUnicode, hasSparklines: true });
  const shown = rows.slice(top, top + room).map((row, at) => {
    const isSelected = top + at === index;
    if (!isSelected && !isOld) return `  ${rowLine(row, placed, terminal)}`;
    // Coloured cells would break up the bar of the selected row.
    const line = rowLine(row, placed, { ...terminal, isColoured: false });
    if (!isSelected) return painted({ text: `  ${line}`, style: "gray" }, terminal);
    const mark = terminal.isUnicode ? "▸ " : "> ";
    return painted({ text: fill(mark + line, size.columns), style: "inverse" }, terminal);
  });
  const head = `  ${headOf(placed, view, terminal)}`;
  return { lines: [...(size.rows > 1 ? [head] : []), ...shown], top, page: room, isAtEnd: true };
}

function headOf(placed: readonly Placed[], view: Partial<View>, terminal: Terminal): string {
  const up = terminal.isUnicode ? "▲" : "^";
  const down = terminal.isUnicode ? "▼" : "v";
  const heads = placed.map(({ column, width }) => {
    // Names and states are sorted ascending, everything else descending.
    const isRising = (view.sort === "task" || view.sort === "state") !== view.isReversed;
    const mark = column.sort === undefined || column.sort !== view.sort ? "" : isRising ? up : down;
    return fill(column.head + mark, width, { isRight: column.isRight === true, ellipsis: "" });
  });
  return painted({ text: heads.join("  "), style: "bold" }, terminal);
}

function rowLine(row: TaskRow, placed: readonly Placed[], terminal: Terminal): string {
  const cells = placed.map(({ column, width }) => {
    const text = column.text(row, { width, isUnicode: terminal.isUnicode });
    const shown = column.isName && width >= 4 ? cutMiddle(text, width, columnsOf, ellipsisOf(terminal)) : text;
    const filled = fill(shown, width, { isRight: column.isRight === true, ellipsis: ellipsisOf(terminal) });
    return painted({ text: filled, style: column.style?.(row) }, terminal);
  });
  return cells.join("  ");
}

function emptyLines({ connection, rows }: Model, { filter }: View): Piece[] {
  if (connection.kind !== "connected") return [{ text: "  The table comes with the provider." }];
  if (rows.size > 0) return [{ text: `  No task matches "${filter}".` }];
  return [
    { text: "  No transaction runs. S starts one, and so does" },
    { text: "  zcontext start -f <file>", style: "cyan" },
  ];
}

// --- lines that scroll -------------------------------------------------------------------------------------------------

function page(pieces: readonly Line[], top: number, size: Size, terminal: Terminal): Drawing {
  const last = Math.max(0, pieces.length - size.rows);
  const shownTop = Math.max(0, Math.min(top, last));
  const lines = pieces.slice(shownTop, shownTop + size.rows).map((line) => lineIn(line, { size, terminal }));
  return { lines, top: shownTop, page: Math.max(1, size.rows - 1), isAtEnd: shownTop === last };
}

function lineIn(line: Line, { size, terminal }: Pick<Drawn, "size" | "terminal">): string {
  return paintedAll(cutPieces([line].flat(), size.columns, terminal), terminal);
}

function legend({ isUnicode }: Terminal): string[] {
  const texts = STATES_BY_SEVERITY.map((state) => fill(stateText(state, isUnicode), 16));
  const rows = Array.from({ length: Math.ceil(texts.length / 4) }, (_, row) => texts.slice(4 * row, 4 * row + 4));
  return rows.map((row) => row.join(""));
}

function indented(text: string): Piece {
  return { text: `  ${text}` };
}
