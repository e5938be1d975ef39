// Shows what the selected task prints: its last lines and those that come, or the lines with a match for what the user
// searches in all that is kept; and saves all that is kept as a file.
import type { FoundLines, OutputEvents, OutputLine } from "../src/http/contract/api.ts";
import { html, part } from "./element.ts";
import { listen, type Owner, readText, searchLines } from "./server.ts";
import { clock } from "./text.ts";

export interface Output {
  /** Undefined for none. */
  show(owner: Owner | undefined, options: { isKept: boolean }): void;
}

const MOST_LINES = 500;
/** A search begins when nothing was typed for so long, in milliseconds. */
const TYPED_MS = 300;

export function createOutput(): Output {
  const lines = part<HTMLOListElement>("lines");
  const field = part<HTMLInputElement>("search");
  const save = part<HTMLButtonElement>("save-log");
  const note = part("search-note");
  let owner: Owner | undefined;
  let stop = () => {};
  let typing: ReturnType<typeof setTimeout> | undefined;
  /** The last search that was begun; the answer of an earlier one comes too late. */
  let searches = 0;

  function follow({ transaction, task }: Owner): void {
    stop = listen(`/api/output?${new URLSearchParams({ transaction, task })}`, {
      onEvent(name, value) {
        if (name === "snapshot") replace(value as OutputEvents["snapshot"]);
        else if (name === "line") add(value as OutputLine);
        part("no-lines").hidden = lines.childElementCount > 0;
      },
    });
  }

  function replace(shown: readonly OutputLine[]): void {
    lines.replaceChildren(...shown.map(lineOf));
    lines.scrollTop = lines.scrollHeight;
  }

  // Scrolls to the new line only if the end was in view, so that a reader further up stays there.
  function add(line: OutputLine): void {
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 24;
    lines.append(lineOf(line));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild?.remove();
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }

  /** Begins anew: with what is searched, or without that with what comes. */
  function begin(): void {
    clearTimeout(typing);
    stop();
    stop = () => {};
    searches += 1;
    note.textContent = "";
    lines.replaceChildren();
    part("no-lines").hidden = true;
    if (owner === undefined) return;
    if (field.value === "") follow(owner);
    else void search(owner, field.value);
  }

  async function search(of: Owner, pattern: string): Promise<void> {
    const mine = searches;
    note.textContent = "searching …";
    const found = await searchLines(of, pattern).catch((error: Error) => error);
    if (mine !== searches) return;
    if (found instanceof Error) note.textContent = found.message;
    else showFound(found);
  }

  function showFound({ lines: found, isMore }: FoundLines): void {
    replace(found);
    const count = found.length === 1 ? "1 line" : `${found.length} lines`;
    note.textContent = found.length === 0 ? "no line matches" : isMore ? `the last ${count}` : count;
  }

  async function download({ transaction, task }: Owner): Promise<void> {
    save.disabled = true;
    try {
      const url = URL.createObjectURL(await readText({ transaction, task }));
      html("a", { set: { href: url, download: `${task}-${transaction}.log` } }).click();
      URL.revokeObjectURL(url);
    } catch (error) {
      note.textContent = (error as Error).message;
    } finally {
      save.disabled = false;
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(begin, TYPED_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || field.value === "") return;
    field.value = "";
    begin();
  });
  save.addEventListener("click", () => owner && void download(owner));

  return {
    show(next, { isKept }) {
      save.hidden = !isKept;
      if (next?.transaction === owner?.transaction && next?.task === owner?.task) return;
      owner = next;
      field.value = "";
      begin();
    },
  };
}

function lineOf({ time, stream, line }: OutputLine): HTMLLIElement {
  return html(
    "li",
    { class: stream === "stderr" ? "stderr" : "" },
    html("time", { text: clock(time), set: { datetime: time } }),
    html("span", { class: "stream", text: stream === "stderr" ? "!" : "|", set: { title: stream } }),
    html("span", { text: line }),
  );
}
