// Holds the services of a list against each other, and against the context and the project they join. Pure.

import { idRule } from "../task-reader.ts";
import { type Names, strangersAmong } from "../trigger-reader.ts";
import { type Element, textAt } from "../xml/element.ts";
import { quote } from "../xml/problems.ts";
import type { Reader, TextRule } from "../xml/reader.ts";
import type { ExistingContext, ListedService } from "./service-model.ts";

export interface Listed {
  reader: Reader;
  service: ListedService;
}

/** Reports services that share an id, or would share their files. */
export function checkDistinct(listed: readonly Listed[]): void {
  const ids = new Set<string>();
  const folders = new Set<string>();
  for (const { reader, service } of listed) {
    const { id, name } = service;
    // Some file systems tell no capital letters from small ones.
    const folder = name.toLowerCase();
    if (id !== "" && ids.has(id)) reader.report("task_id", `expected an id of its own, got ${quote(id)} again`);
    if (name !== "" && folders.has(folder))
      reader.report("task_service", `expected a name of its own, got ${quote(name)} again`);
    ids.add(id);
    folders.add(folder);
  }
}

/** Reports services that would share their files with another one of the context. */
export function checkNames(listed: readonly Listed[], tasks: ExistingContext["tasks"]): void {
  const instances = tasks.map(({ instance }) => instance);
  for (const { reader, service } of listed) {
    const { name } = service;
    if (name === "" || instances.includes(name)) continue;
    const like = instances.find((instance) => instance.toLowerCase() === name.toLowerCase());
    if (like !== undefined)
      reader.report("task_service", `expected a name of its own, got ${quote(name)} where the context has ${like}`);
  }
}

/** Reports services that are called like their context. */
export function checkIds(listed: readonly Listed[], contextId: string): void {
  for (const { reader, service } of listed)
    if (service.id !== "" && service.id === contextId) reader.text("task_id", idRule(contextId));
}

/** Reports triggers that call nobody. */
export function checkCalls(listed: readonly Listed[], names: Names): void {
  for (const { reader, service } of listed)
    for (const [event, { call }] of Object.entries(service.triggers))
      for (const problem of strangersAmong(call, names))
        reader.report(`${event} state_id`, problem, calledAt(reader.element, event));
}

function calledAt(service: Element, event: string): number | undefined {
  const state = service.children.find((child) => textAt(child, "trigger")?.value === event);
  return state && textAt(state, "state_id")?.place;
}

/** Reports locations that the rule does not accept, each where it is written: for one service, or once for all. */
export function checkLocations(readers: readonly Reader[], rule: TextRule): void {
  for (const reader of readers) reader.text("location", { ...rule, optional: true });
}
