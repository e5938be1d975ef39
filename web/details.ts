// Shows the selected task: its facts, and what it prints.
import type { TaskDefinition, TaskSnapshot } from "../src/http/contract/api.ts";
import { describeStream } from "../src/protocol/stream-figures.ts";
import { html, part, symbol } from "./element.ts";
import { createOutput } from "./output.ts";
import { lookOf } from "./states.ts";
import { bytes, clock, percent, span } from "./text.ts";

export interface Shown {
  definition: TaskDefinition;
  state: TaskSnapshot | undefined;
  figures: readonly [cpuPercent: number, residentBytes: number] | undefined;
  transaction: string | undefined;
  /** Whether what it prints is kept in files. */
  isKept: boolean;
}

export interface Details {
  show(shown: Shown | undefined): void;
}

export function createDetails(): Details {
  const facts = part("facts");
  const output = createOutput();
  return {
    show(shown) {
      part("details").classList.toggle("none", shown === undefined);
      part("details-title").textContent = shown === undefined ? "Task" : shown.definition.id;
      output.show(
        shown?.transaction === undefined ? undefined : { transaction: shown.transaction, task: shown.definition.id },
        { isKept: shown?.isKept ?? false },
      );
      if (shown === undefined) return;
      part("description").textContent = shown.definition.description;
      const next = factsOf(shown);
      facts.replaceChildren(...next.flatMap(([name, value]) => [html("dt", { text: name }), html("dd", {}, value)]));
    },
  };
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
    ["Next run", state?.nextRun && new Date(state.nextRun).toLocaleString()],
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
