// Shows the selected task: its facts, and the lines that it prints as they come.
import type { OutputEvents, OutputLine, TaskDefinition, TaskSnapshot } from "../src/http/contract/api.ts";
import { describeStream } from "../src/protocol/stream-figures.ts";
import { html, part, symbol } from "./element.ts";
import { listen } from "./server.ts";
import { lookOf } from "./states.ts";
import { bytes, clock, percent, span } from "./text.ts";

export interface Shown {
  definition: TaskDefinition;
  state: TaskSnapshot | undefined;
  figures: readonly [cpuPercent: number, residentBytes: number] | undefined;
  transaction: string | undefined;
}

export interface Details {
  show(shown: Shown | undefined): void;
}

const MOST_LINES = 500;

export function createDetails(): Details {
  const facts = part("facts");
  const lines = part<HTMLOListElement>("lines");
  let stop = () => {};
  let listeningTo = "";

  function listenTo({ definition, transaction }: Partial<Shown>): void {
    const next =
      definition === undefined || transaction === undefined ? "" : JSON.stringify([transaction, definition.id]);
    if (next === listeningTo) return;
    listeningTo = next;
    stop();
    lines.replaceChildren();
    if (next === "" || definition === undefined || transaction === undefined) return;
    stop = listen(`/api/output?${new URLSearchParams({ transaction, task: definition.id })}`, {
      onEvent(name, value) {
        if (name === "snapshot") lines.replaceChildren(...(value as OutputEvents["snapshot"]).map(lineOf));
        else if (name === "line") add(value as OutputLine);
        part("no-lines").hidden = lines.childElementCount > 0;
        if (name === "snapshot") lines.scrollTop = lines.scrollHeight;
      },
    });
  }

  // Scrolls to the new line only if the end was in view, so that a reader further up stays there.
  function add(line: OutputLine): void {
    const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 24;
    lines.append(lineOf(line));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild?.remove();
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }

  return {
    show(shown) {
      part("details").classList.toggle("none", shown === undefined);
      part("details-title").textContent = shown === undefined ? "Task" : shown.definition.id;
      listenTo(shown ?? {});
      part("no-lines").hidden = lines.childElementCount > 0;
      if (shown === undefined) return;
      part("description").textContent = shown.definition.description;
      const next = factsOf(shown);
      facts.replaceChildren(...next.flatMap(([name, value]) => [html("dt", { text: name }), html("dd", {}, value)]));
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

function factsOf({ definition, state, figures }: Shown): [string, Node | string][] {
  const look = lookOf(state?.state ?? "defined");
  const { triggers, dependsOn } = definition;
  const calls = triggers.map(({ event, action, call, callsAll }) => {
    const effect = action === "exit" ? "everything ends" : `${action} ${callsAll ? "all" : call.join(", ")}`;
    return `${event}: ${effect}`;
  });
  const facts: [string, Node | string | undefined][] = [
    ["State", html("span", { class: `chip tone-${look.tone}` }, symbol(look.symbol), look.word)],
    ["Why", state?.reason],
    ["Service", `${definition.instance} (${definition.serviceType})`],
    ["Command", definition.command],
    ["Pid", state?.pid == null ? undefined : `${state.pid}`],
    ["Up", uptimeOf(state)],
    ["Runs", state === undefined ? undefined : `${state.runs}`],
    ["Last end", endOf(state)],
    ["CPU", figures && state?.pid != null ? percent(figures[0]) : undefined],
    ["Memory", figures && state?.pid != null ? bytes(figures[1]) : undefined],
    ["Queues", state?.streams && listOf(state.streams.map(describeStream))],
    ["Needs", dependsOn.length === 0 ? undefined : dependsOn.join(", ")],
    ["Triggers", calls.length === 0 ? undefined : listOf(calls)],
  ];
  return facts.filter((fact): fact is [string, Node | string] => fact[1] !== undefined);
}

function uptimeOf(state: TaskSnapshot | undefined): string | undefined {
  if (state?.pid == null || state.startedAt === undefined) return undefined;
  return `${span(Date.now() - Date.parse(state.startedAt))}, since ${clock(state.startedAt)}`;
}

function endOf(state: TaskSnapshot | undefined): string | undefined {
  if (state?.lastEnd === undefined) return undefined;
  const { time, code, signal } = state.lastEnd;
  const how = signal !== undefined ? signal : code !== undefined ? `exit code ${code}` : "unknown";
  return `${how}, at ${clock(time)}`;
}

function listOf(texts: readonly string[]): HTMLUListElement {
  return html("ul", {}, ...texts.map((text) => html("li", { text })));
}
