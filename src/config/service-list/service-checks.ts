// Checks the services of a list against each other, against the context they are added to, and against the project. Pure.

import { idRule } from "../task-reader.ts";
import { type Names, unknownCalls } from "../trigger-reader.ts";
import { type Element, textAt } from "../xml/element.ts";
import { quote } from "../xml/problems.ts";
import type { Reader, TextRule } from "../xml/reader.ts";
import type { ExistingContext, ListedService } from "./service-model.ts";

export interface Listed {
  reader: Reader;
  service: ListedService;
}

/** Reports services with the same id, or with the same files. */
export function checkDistinct(listed: readonly Listed[]): void {
  const ids = new Set<string>();
  const folders = new Set<string>();
  for (const { reader, service } of listed) {
    const { id, name } = service;
    // Some file systems ignore upper and lower case.
    const folder = name.toLowerCase();
    if (id !== "" && ids.has(id)) reader.report("task_id", `expected an id of its own, got ${quote(id)} again`);
    if (name !== "" && folders.has(folder))
      reader.report("task_service", `expected a name of its own, got ${quote(name)} again`);
    ids.add(id);
    folders.add(folder);
  }
}

/** Reports services that would have the same files as another one of the context. */
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

/** Reports services whose id is that of their context. */
export function checkIds(listed: readonly Listed[], contextId: string): void {
  for (const { reader, service } of listed)
    if (service.id !== "" && service.id === contextId) reader.text("task_id", idRule(contextId));
}

/** Reports triggers that call an unknown id. */
export function checkCalls(listed: readonly Listed[], names: Names): void {
  for (const { reader, service } of listed)
    for (const [event, { call }] of Object.entries(service.triggers))
      for (const problem of unknownCalls(call, names))
        reader.report([event, "state_id"], problem, calledAt(reader.element, event));
}

function calledAt(service: Element, event: string): number | undefined {
  const state = service.children.find((child) => textAt(child, "trigger")?.value === event);
  return state && textAt(state, "state_id")?.place;
}

/** Reports locations that break the rule, each where it is written: at one service, or once for the whole list. */
export function checkLocations(readers: readonly Reader[], rule: TextRule): void {
  for (const reader of readers) reader.text("location", { ...rule, optional: true });
}
