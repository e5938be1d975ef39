// Reads on_start, on_update, on_fail and on_exit, and checks the ids that they call. Pure.

import { didYouMean } from "../suggest.ts";
import { type TaskServiceConfig, TRIGGER_ACTIONS, TRIGGER_EVENTS, type Trigger, type TriggerEvent } from "./model.ts";
import { childAt, textAt } from "./xml/element.ts";
import { quote, shorten } from "./xml/problems.ts";
import type { Reader, TextRule } from "./xml/reader.ts";

/** The names that triggers of a file may call. */
export interface Names {
  /** Empty where the file has none. */
  contextId: string;
  ids: readonly string[];
}

const CALL: TextRule = { expected: "task ids, the context id or all", accepts: (value) => calledBy(value).length > 0 };

/** Reads the four triggers of a task's `state`; empty ones are left out. */
export function readTriggers(state: Reader, names: Names): TaskServiceConfig["triggers"] {
  const triggers = TRIGGER_EVENTS.map((event) => [event, readTrigger(state, event, names)] as const);
  return Object.fromEntries(triggers.filter(([, trigger]) => trigger !== undefined));
}

function readTrigger(state: Reader, event: TriggerEvent, names: Names): Trigger | undefined {
  const element = childAt(state.element, event);
  // Text in place of the elements is reported by the grammar.
  if (element === undefined || element.text !== "") return undefined;
  if (element.children.length === 0) {
    state.report(event, `expected <action> and <call>, got nothing; write both, or remove <${event}>`);
    return undefined;
  }
  // The original writes an absent trigger with both parts empty.
  if (textAt(element, "action")?.value === "" && textAt(element, "call")?.value === "") return undefined;
  const trigger = state.child(event);
  const action = trigger.oneOf("action", TRIGGER_ACTIONS, [event, "action"]);
  const call = calledBy(trigger.text("call", CALL, [event, "call"]));
  // Only a file has all tasks of a context: a message may call tasks that it does not hold.
  const unknown = state.reading.strict ? unknownCalls(call, names) : [];
  for (const problem of unknown) trigger.report([event, "call"], problem, textAt(trigger.element, "call")?.place);
  return { action, call };
}

/** The words of a call, each once. */
export function calledBy(call: string): string[] {
  return [...new Set(call.split(/[\s,]+/).filter((word) => word !== ""))];
}

/** A message for each word of a call that is no known name. */
export function unknownCalls(call: readonly string[], { contextId, ids }: Names): string[] {
  const known = [...ids, contextId, "all"];
  return call
    .filter((called) => !known.includes(called))
    .map((word) => `${quote(word)} is not a TaskService id; have ${listed(ids)}${didYouMean(word, known)}`);
}

function listed(ids: readonly string[]): string {
  if (ids.length === 0) return "none";
  const more = ids.length > 20 ? `, and ${ids.length - 20} more` : "";
  return ids.slice(0, 20).map(shorten).join(", ") + more;
}
