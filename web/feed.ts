// Shows the transitions of the shown transaction, the newest first.
import type { Transition } from "../src/http/contract/api.ts";
import { html, part, symbol } from "./element.ts";
import { lookOf } from "./states.ts";
import { clock } from "./text.ts";

export interface Feed {
  begin(transitions: readonly Transition<string>[]): void;
  /** Adds those that were before all that is known. */
  addOlder(transitions: readonly Transition<string>[]): void;
  /** Shows those of this task alone; undefined for all. */
  select(task: string | undefined): void;
  add(transition: Transition<string>): void;
  /** Shows those of this transaction. */
  show(transaction: string): void;
}

/** How many transitions are shown, and how many of all transactions are kept. */
const MOST = 200;
const MOST_KEPT = 1_000;

export function createFeed(onSelect: (id: string) => void): Feed {
  const list = part<HTMLOListElement>("transitions");
  let last = 0;
  let known: Transition<string>[] = [];
  let shown: string | undefined;
  let selected: string | undefined;

  const isShown = ({ transaction, task }: Transition<string>) =>
    transaction === shown && (selected === undefined || task === selected);

  function add(transition: Transition<string>): void {
    // After a reconnection the server may repeat known transitions.
    if (transition.sequence <= last) return;
    last = transition.sequence;
    known = [...known, transition].slice(-MOST_KEPT);
    if (isShown(transition)) prepend(transition);
  }

  function prepend(transition: Transition<string>): void {
    list.prepend(entryOf(transition, onSelect));
    while (list.childElementCount > MOST) list.lastElementChild?.remove();
    part("no-transitions").hidden = true;
  }

  function showAll(): void {
    list.replaceChildren();
    const own = known.filter(isShown);
    part("no-transitions").hidden = own.length > 0;
    for (const transition of own) prepend(transition);
  }

  return {
    begin(transitions) {
      list.replaceChildren();
      known = [];
      last = 0;
      for (const transition of transitions) add(transition);
    },
    add,
    addOlder(transitions) {
      const [first] = known;
      const older = transitions.filter(({ sequence }) => first === undefined || sequence < first.sequence);
      if (older.length === 0) return;
      known = [...older, ...known].slice(-MOST_KEPT);
      last = Math.max(last, known.at(-1)?.sequence ?? 0);
      showAll();
    },
    show(transaction) {
      if (transaction === shown) return;
      shown = transaction;
      showAll();
    },
    select(task) {
      if (task === selected) return;
      selected = task;
      part("feed-title").textContent = task === undefined ? "Transitions" : `Transitions of ${task}`;
      showAll();
    },
  };
}

function entryOf(transition: Transition<string>, onSelect: (id: string) => void): HTMLLIElement {
  const { time, task, from, to, cause, reason, code, signal, event } = transition;
  const [before, after] = [lookOf(from), lookOf(to)];
  const how = signal !== undefined ? signal : code !== undefined ? `code ${code}` : "";
  const why = reason ?? cause ?? (event === "exit" ? how : "");
  return html(
    "li",
    {},
    html(
      "span",
      { class: "who" },
      html("time", { text: clock(time), set: { datetime: time, title: time } }),
      html("button", { class: "link", text: task, set: { type: "button" }, on: { click: () => onSelect(task) } }),
    ),
    html(
      "span",
      { class: "step" },
      html("span", { class: "from", text: `${before.word} → ` }),
      html("span", { class: `chip tone-${after.tone}` }, symbol(after.symbol), after.word),
    ),
    html("span", { class: "why", text: why }),
  );
}
