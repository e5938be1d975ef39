// The view of the live table: which tasks are shown, in which order, which one is selected, and how a key changes that.
// Pure.
import { wordsFor } from "../../src/protocol/task-state.ts";
import type { TaskRow } from "./model.ts";
import { severityOf } from "./states.ts";

export const SORTS = ["task", "state", "cpu", "memory", "runs", "uptime", "event"] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  mode: "table" | "filtering" | "details" | "messages" | "help";
  sort: Sort;
  isReversed: boolean;
  filter: string;
  /** The key of the selected row; undefined means the first, whichever that is. */
  selected: string | undefined;
  /** How far down the table, or the details, are scrolled. */
  top: number;
}

export const FIRST_VIEW: View = {
  mode: "table",
  sort: "task",
  isReversed: false,
  filter: "",
  selected: undefined,
  top: 0,
};

/** A key as node:readline names it; `text` is what it types. */
export interface Key {
  name?: string | undefined;
  text?: string | undefined;
  isCtrl?: boolean;
}

const natural = new Intl.Collator("en", { numeric: true });
const byName = (a: TaskRow, b: TaskRow) => natural.compare(a.transaction, b.transaction) || natural.compare(a.id, b.id);
const falling = (figure: (row: TaskRow) => number | undefined) => (a: TaskRow, b: TaskRow) =>
  (figure(b) ?? -1) - (figure(a) ?? -1);

/** The largest, the worst and the latest come first. */
const ORDERS: { readonly [sort in Sort]: (a: TaskRow, b: TaskRow) => number } = {
  task: byName,
  state: (a, b) => severityOf(a.state) - severityOf(b.state),
  cpu: falling(({ cpu }) => cpu),
  memory: falling(({ memory }) => memory),
  runs: falling(({ runs }) => runs),
  uptime: falling(({ uptimeS }) => uptimeS),
  event: falling(({ last }) => last?.atMs),
};

/** The rows that a view shows, in its order. */
export function shownRows(rows: Iterable<TaskRow>, { sort, isReversed, filter }: View): TaskRow[] {
  const words = filter.toLowerCase().split(/\s+/);
  const shown = [...rows].filter(({ transaction, id, service, state }) => {
    const text = [transaction, id, service, wordsFor(state)].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const way = isReversed ? -1 : 1;
  return shown.sort((a, b) => way * ORDERS[sort](a, b) || byName(a, b));
}

/** Where the selected row stands; the first one where it is not among them. */
export function selectedIndex(rows: readonly TaskRow[], { selected }: View): number {
  return Math.max(
    0,
    rows.findIndex(({ key }) => key === selected),
  );
}

/** The first line in view, moved no further than it takes to show line `index`. */
export function scrolledTo(index: number, { top, room, count }: { top: number; room: number; count: number }): number {
  const shown = Math.min(Math.max(top, index - room + 1), index);
  return Math.max(0, Math.min(shown, count - room));
}

/** The view after a key; `rows` are those it shows, `page` how many fit. */
export function pressed(
  view: View,
  key: Key,
  { rows, page }: { rows: readonly TaskRow[]; page: number },
): View | "quit" {
  if (key.isCtrl && (key.name === "c" || key.name === "d")) return "quit";
  if (view.mode === "filtering") return typed(view, key);
  if (key.name === "q") return "quit";
  const steps = stepsOf(key, page);
  if (steps !== undefined) return view.mode === "table" ? selecting(view, steps, rows) : scrolled(view, steps);
  if (view.mode === "help") return { ...view, mode: "table", top: 0 };
  return view.mode === "table" ? inTable(view, key, rows) : beyondTable(view, key);
}

function inTable(view: View, { name, text }: Key, rows: readonly TaskRow[]): View {
  if (text === "/") return { ...view, mode: "filtering" };
  if (text === "?" || text === "h") return { ...view, mode: "help", top: 0 };
  const next = SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length] as Sort;
  switch (name) {
    case "s":
      return { ...view, sort: next, isReversed: false };
    case "r":
      return { ...view, isReversed: !view.isReversed };
    case "return":
    case "enter":
    case "right":
    case "l":
      return rows.length === 0 ? view : { ...view, mode: "details", selected: keyAt(rows, view), top: 0 };
    case "m":
      return { ...view, mode: "messages", top: 0 };
    case "escape":
      return { ...view, filter: "" };
    default:
      return view;
  }
}

/** In the details of a task, and in the table of queues. */
function beyondTable(view: View, { name, text }: Key): View {
  if (text === "?") return { ...view, mode: "help", top: 0 };
  const isBack = ["return", "enter", "escape", "left", "backspace"].includes(name ?? "");
  return isBack || (view.mode === "messages" && name === "m") ? { ...view, mode: "table", top: 0 } : view;
}

// The filter applies with every letter.
function typed(view: View, { name, text = "", isCtrl = false }: Key): View {
  switch (name) {
    case "escape":
      return { ...view, mode: "table", filter: "" };
    case "return":
    case "enter":
      return { ...view, mode: "table" };
    case "backspace":
      return view.filter === ""
        ? { ...view, mode: "table" }
        : { ...view, filter: [...view.filter].slice(0, -1).join("") };
    default:
      return isCtrl || !/^[^\p{C}]+$/u.test(text) ? view : { ...view, filter: (view.filter + text).slice(0, 60) };
  }
}

function stepsOf({ name, text, isCtrl = false }: Key, page: number): number | undefined {
  if (text === "G") return Number.POSITIVE_INFINITY;
  if (isCtrl) return name === "f" ? page : name === "b" ? -page : undefined;
  switch (name) {
    case "up":
    case "k":
      return -1;
    case "down":
    case "j":
      return 1;
    case "pageup":
      return -page;
    case "pagedown":
    case "space":
      return page;
    case "home":
    case "g":
      return Number.NEGATIVE_INFINITY;
    case "end":
      return Number.POSITIVE_INFINITY;
    default:
      return undefined;
  }
}

function selecting(view: View, steps: number, rows: readonly TaskRow[]): View {
  const index = Math.min(rows.length - 1, Math.max(0, selectedIndex(rows, view) + steps));
  return { ...view, selected: rows[index]?.key };
}

function scrolled(view: View, steps: number): View {
  // The number of lines is known only when they are drawn; draw() reduces a value that is too high.
  return { ...view, top: Math.max(0, Math.min(view.top + steps, Number.MAX_SAFE_INTEGER)) };
}

function keyAt(rows: readonly TaskRow[], view: View): string | undefined {
  return rows[selectedIndex(rows, view)]?.key;
}
