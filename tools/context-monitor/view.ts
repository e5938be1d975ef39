// The view of the live table: which tasks are shown, in which order, which one is chosen, what is shown of it, and how a key
// changes that or gives an order. Pure.
import { wordsFor } from "../../src/protocol/task-state.ts";
import type { TaskRow } from "./model.ts";
import type { Order, TaskAction } from "./orders.ts";
import type { Key } from "./terminal/screen.ts";
import { severityOf } from "./terminal/states.ts";

export const SORTS = ["task", "state", "cpu", "memory", "runs", "uptime", "event"] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  mode:
    | "table"
    | "filtering"
    /** Of the chosen task. */
    | "details"
    | "log"
    | "searching"
    | "why"
    /** Of all. */
    | "messages"
    | "letters"
    | "letter"
    | "help";
  sort: Sort;
  isReversed: boolean;
  filter: string;
  /** What lines of a log must contain. */
  search: string;
  /** The key of the chosen row; undefined means the first, whichever that is. */
  selected: string | undefined;
  /** The id of the chosen dead letter; undefined means the first. */
  letter: string | undefined;
  /** How far down the table, or the lines, are scrolled. */
  top: number;
  /** The end of a log is in view, and stays there while lines come. */
  isAtEnd: boolean;
  /** What is carried out after a yes. */
  asked: Order | undefined;
  /** What is to be carried out. */
  order: Order | undefined;
}

export const FIRST_VIEW: View = {
  ...{ mode: "table", sort: "task", isReversed: false, filter: "", search: "" },
  ...{ selected: undefined, letter: undefined, top: 0, isAtEnd: true, asked: undefined, order: undefined },
};

/** What a key acts upon: the rows that the view shows, how many fit, and the dead letters. */
export interface Shown {
  rows: readonly TaskRow[];
  page: number;
  letters?: readonly { id: string; event: string; group: string }[] | undefined;
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

/** Whether the table is in view, and not something of one task or of all. */
export function isTable({ mode }: View): boolean {
  return mode === "table" || mode === "filtering";
}

/** The task that is chosen: in the table the row with the mark, elsewhere the one that was chosen there. */
export function chosenRow(rows: Iterable<TaskRow>, view: View): TaskRow | undefined {
  const all = [...rows];
  return isTable(view) ? all[selectedIndex(all, view)] : all.find(({ key }) => key === view.selected);
}

/** The first line in view, moved no further than it takes to show line `index`. */
export function scrolledTo(index: number, { top, room, count }: { top: number; room: number; count: number }): number {
  const shown = Math.min(Math.max(top, index - room + 1), index);
  return Math.max(0, Math.min(shown, count - room));
}

/** The view after a key. */
export function pressed(view: View, key: Key, shown: Shown): View | "quit" {
  if (key.isCtrl && (key.name === "c" || key.name === "d")) return "quit";
  if (view.asked !== undefined) return { ...view, asked: undefined, order: key.text === "y" ? view.asked : undefined };
  if (view.mode === "filtering") return typed(view, key, "filter", "table");
  if (view.mode === "searching") return typed(view, key, "search", "log");
  if (key.name === "q") return "quit";
  return ordering(view, key, shown) ?? moving(view, key, shown) ?? changing(view, key, shown) ?? view;
}

// --- orders ----------------------------------------------------------------------------------------------------------

const TASK_KEYS: { [text: string]: TaskAction } = { S: "start", X: "stop", R: "restart" };
const OF_A_TASK: readonly View["mode"][] = ["table", "details", "log", "why"];

/** What ends something is asked for first. */
function ordering(view: View, { text = "" }: Key, { rows, letters = [] }: Shown): View | undefined {
  if (view.mode === "letters" || view.mode === "letter") {
    const chosen = letters.find(({ id }) => id === view.letter) ?? (view.mode === "letters" ? letters[0] : undefined);
    if (chosen === undefined) return undefined;
    const { id, event, group } = chosen;
    if (text === "R") return { ...view, order: { kind: "letter", action: "replay", id, event, group } };
    if (text === "X") return { ...view, asked: { kind: "letter", action: "discard", id, event, group } };
    return undefined;
  }
  const action = Object.hasOwn(TASK_KEYS, text) ? TASK_KEYS[text] : undefined;
  if (action === undefined || !OF_A_TASK.includes(view.mode)) return undefined;
  const row = chosenRow(rows, view);
  if (row === undefined)
    return action === "start" && view.mode === "table" ? { ...view, asked: { kind: "begin" } } : undefined;
  const order = { kind: "task", action, transaction: row.transaction, task: row.id } as const;
  return action === "start" ? { ...view, order } : { ...view, asked: order };
}

// --- from one thing to another ---------------------------------------------------------------------------------------

function changing(view: View, key: Key, shown: Shown): View | undefined {
  if (view.mode === "help") return { ...view, mode: "table", top: 0 };
  if (key.text === "?") return { ...view, mode: "help", top: 0 };
  return (
    toTask(view, key, shown) ?? toMessages(view, key, shown) ?? (isTable(view) ? inTable(view, key) : back(view, key))
  );
}

function toTask(view: View, { name, text }: Key, { rows }: Shown): View | undefined {
  if (!OF_A_TASK.includes(view.mode)) return undefined;
  const isEntered = view.mode === "table" && ["return", "enter", "right"].includes(name ?? "");
  const mode = isEntered ? "details" : text === "l" ? "log" : text === "w" ? "why" : undefined;
  const row = chosenRow(rows, view);
  if (view.mode === "log" && text === "/") return { ...view, mode: "searching" };
  if (mode === undefined || row === undefined || mode === view.mode) return undefined;
  return { ...view, mode, selected: row.key, top: 0, isAtEnd: true, search: "" };
}

function toMessages(view: View, { name, text }: Key, { letters = [] }: Shown): View | undefined {
  if (text === "D" && view.mode !== "letters") return { ...view, mode: "letters", top: 0 };
  if (text === "m" && view.mode !== "messages") return { ...view, mode: "messages", top: 0 };
  const isEntered = ["return", "enter", "right"].includes(name ?? "");
  if (view.mode !== "letters" || !isEntered || letters.length === 0) return undefined;
  const id = letters[letterIndex(letters, view)]?.id;
  return { ...view, mode: "letter", letter: id, top: 0 };
}

function inTable(view: View, { name, text }: Key): View | undefined {
  if (text === "/") return { ...view, mode: "filtering" };
  if (text === "h") return { ...view, mode: "help", top: 0 };
  const next = SORTS[(SORTS.indexOf(view.sort) + 1) % SORTS.length] as Sort;
  if (text === "s") return { ...view, sort: next, isReversed: false };
  if (text === "r") return { ...view, isReversed: !view.isReversed };
  return name === "escape" ? { ...view, filter: "" } : undefined;
}

/** Out of what is shown instead of the table. */
function back(view: View, { name, text = "" }: Key): View | undefined {
  if (view.mode === "log" && name === "escape" && view.search !== "") return { ...view, search: "" };
  const again = { messages: "m", letters: "D", log: "l", why: "w" }[view.mode as string];
  if (!["return", "enter", "escape", "left", "backspace"].includes(name ?? "") && text !== again) return undefined;
  return { ...view, mode: view.mode === "letter" ? "letters" : "table", top: 0 };
}

// It applies with every letter.
function typed(
  view: View,
  { name, text = "", isCtrl = false }: Key,
  field: "filter" | "search",
  mode: View["mode"],
): View {
  const known = view[field];
  switch (name) {
    case "escape":
      return { ...view, mode, [field]: "" };
    case "return":
    case "enter":
      return { ...view, mode };
    case "backspace":
      return known === "" ? { ...view, mode } : { ...view, [field]: [...known].slice(0, -1).join("") };
    default:
      return isCtrl || !/^[^\p{C}]+$/u.test(text) ? view : { ...view, [field]: (known + text).slice(0, 60) };
  }
}

// --- up and down -----------------------------------------------------------------------------------------------------

function moving(view: View, key: Key, { rows, page, letters = [] }: Shown): View | undefined {
  const steps = stepsOf(key, page);
  if (steps === undefined) return undefined;
  const moved = (index: number, count: number) => Math.min(count - 1, Math.max(0, index + steps));
  if (view.mode === "table") return { ...view, selected: rows[moved(selectedIndex(rows, view), rows.length)]?.key };
  if (view.mode === "letters")
    return { ...view, letter: letters[moved(letterIndex(letters, view), letters.length)]?.id };
  // The number of lines is known only when they are drawn; draw() reduces a value that is too high.
  const top = Math.max(0, Math.min(view.top + steps, Number.MAX_SAFE_INTEGER));
  return { ...view, top, isAtEnd: view.isAtEnd && steps > 0 };
}

/** Where the chosen letter stands; the first one where it is not among them. */
export function letterIndex(letters: readonly { id: string }[], { letter }: View): number {
  return Math.max(
    0,
    letters.findIndex(({ id }) => id === letter),
  );
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
