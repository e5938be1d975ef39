// Shows the messages between services: a row for each queue, and the dead letters, which can be read, given to their
// groups again and forgotten.
import type { Letter, LetterCommand, Messages, OpenedLetter, QueueFigures } from "../src/http/contract/api.ts";
import { html, part } from "./element.ts";
import { readLetter, readLetters } from "./server.ts";
import { clock, rate } from "./text.ts";

export interface MessagesPart {
  /** Undefined hides it. */
  show(messages: Messages | undefined, takesCommands: boolean): void;
}

export interface MessagesOptions {
  /** Carries a command out; false where it was refused, which the user has been told. */
  command(command: LetterCommand): Promise<boolean>;
  confirm(question: string): Promise<boolean>;
}

const COLUMNS: [head: string, of: (queue: QueueFigures) => string][] = [
  ["ready", ({ ready }) => `${ready}`],
  ["in flight", ({ in_flight }) => `${in_flight}`],
  ["delayed", ({ delayed }) => `${delayed}`],
  ["dead", ({ dead }) => `${dead}`],
  ["members", ({ members }) => `${members}`],
  ["per s", ({ rate_per_s }) => rate(rate_per_s)],
];

/** Letters that are listed at first. */
const FIRST_LETTERS = 20;

export function createMessages({ command, confirm }: MessagesOptions): MessagesPart {
  const rows = part("queues");
  const list = part<HTMLOListElement>("letters");
  let letters: readonly Letter[] = [];
  let deadBefore = -1;
  let most = FIRST_LETTERS;
  let takesCommands = false;
  let isReading = false;

  function showQueues({ queues }: Messages): void {
    rows.replaceChildren(...queues.map(rowOf));
    part("queue-table").hidden = queues.length === 0;
  }

  /** Reads the letters again, and once more where their number has changed meanwhile. */
  async function readAgain(dead: number): Promise<void> {
    if (isReading || dead === deadBefore) return;
    isReading = true;
    deadBefore = dead;
    letters = (dead === 0 ? [] : await readLetters().catch(() => letters)).toReversed();
    isReading = false;
    showLetters();
  }

  function showLetters(): void {
    part("dead").hidden = letters.length === 0;
    part("dead-count").textContent = `${letters.length}`;
    const kept = new Map([...list.children].map((entry) => [(entry as HTMLElement).dataset.letter, entry]));
    // Those that are there stay as they are, so that one that is open remains open.
    list.replaceChildren(...letters.slice(0, most).map((letter) => kept.get(letter.id) ?? entryOf(letter)));
    for (const button of list.querySelectorAll<HTMLElement>(".acts")) button.hidden = !takesCommands;
    part("more-letters").hidden = letters.length <= most;
  }

  function entryOf(letter: Letter): HTMLLIElement {
    const { id, event, group, reason, attempts, last_at, error } = letter;
    const content = html("div", { class: "content", set: { hidden: "" } });
    const open = html("button", {
      ...{ class: "link", text: "show", set: { type: "button", "aria-expanded": "false" } },
      on: { click: () => void toggle(id, content, open) },
    });
    const act = (action: LetterCommand["action"]) =>
      html("button", { text: action, set: { type: "button" }, on: { click: () => void carryOut(action, letter) } });
    return html(
      "li",
      { set: { "data-letter": id } },
      html(
        "div",
        { class: "about" },
        html("time", { text: clock(last_at), set: { datetime: new Date(last_at).toISOString() } }),
        html("strong", { text: event }),
        html("span", {
          class: "note",
          text: `group ${group}, ${reason}, after ${attempts === 1 ? "1 attempt" : `${attempts} attempts`}`,
        }),
      ),
      html("p", { class: "why", text: `${error.name}: ${error.message}` }),
      html("div", { class: "buttons" }, open, html("span", { class: "acts buttons" }, act("replay"), act("discard"))),
      content,
    );
  }

  async function toggle(id: string, content: HTMLElement, button: HTMLElement): Promise<void> {
    content.hidden = !content.hidden;
    button.textContent = content.hidden ? "show" : "hide";
    button.setAttribute("aria-expanded", `${!content.hidden}`);
    if (content.hidden || content.childElementCount > 0) return;
    const letter = await readLetter(id).catch(() => undefined);
    content.replaceChildren(...(letter === undefined ? [html("p", { text: "It is gone." })] : contentOf(letter)));
  }

  async function carryOut(action: LetterCommand["action"], { id, event, group }: Letter): Promise<void> {
    if (action === "discard" && !(await confirm(`Really forget ${event} of group ${group}?`))) return;
    if (!(await command({ action, ids: [id] }))) return;
    letters = letters.filter((letter) => letter.id !== id);
    showLetters();
  }

  part("more-letters").addEventListener("click", () => {
    most = Number.POSITIVE_INFINITY;
    showLetters();
  });

  return {
    show(messages, mayCommand) {
      const isOther = takesCommands !== mayCommand;
      takesCommands = mayCommand;
      part("messages").hidden = messages === undefined;
      if (messages === undefined) return;
      const { trouble = "", members, calls, queues } = messages;
      part("bus-trouble").textContent = trouble;
      part("bus-sums").textContent = `${members} programs, ${calls.running + calls.waiting} calls`;
      showQueues(messages);
      if (isOther) showLetters();
      void readAgain(queues.reduce((sum, { dead }) => sum + dead, 0));
    },
  };
}

function rowOf(queue: QueueFigures): HTMLTableRowElement {
  const { event, group, stalled_s } = queue;
  const stalled = html("span", { class: "chip tone-bad", text: `nothing settled for ${stalled_s} s` });
  return html(
    "tr",
    {},
    html("th", { set: { scope: "row" } }, html("span", { text: event }), ...(stalled_s === undefined ? [] : [stalled])),
    html("td", { class: "group", text: group, set: { "data-label": "group" } }),
    ...COLUMNS.map(([head, of]) =>
      html("td", {
        ...{ class: head === "dead" && queue.dead > 0 ? "number bad" : "number", text: of(queue) },
        set: { "data-label": head },
      }),
    ),
  );
}

function contentOf(letter: OpenedLetter): Node[] {
  const text =
    "payload" in letter ? JSON.stringify(letter.payload, undefined, 2) : `can't be read: ${letter.unreadable}`;
  const { handler, error } = letter;
  return [
    html("p", { class: "note", text: `handled by ${handler || "nobody"}` }),
    html("pre", { text }),
    ...(error.stack === undefined ? [] : [html("pre", { text: error.stack })]),
  ];
}
