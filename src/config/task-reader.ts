// Reads the TaskService elements of a context file. Pure.

import { nearest } from "../suggest.ts";
import { readCommand } from "./command-reader.ts";
import { readConfiguration } from "./configuration-reader.ts";
import { findCycles } from "./dependency-cycle.ts";
import { idsOfInstances, instancesOf, readInstances } from "./instances.ts";
import { isInternal } from "./internal.ts";
import { SERVICE_TYPES, type TaskServiceConfig } from "./model.ts";
import { type Basis, DEFAULT_BASIS, DEFAULT_SUPERVISION, readTaskSupervision } from "./supervision-reader.ts";
import { type Names, readTriggers } from "./trigger-reader.ts";
import { childAt, type Element, serviceLabel, textAt } from "./xml/element.ts";
import { quote, type Reading, shorten } from "./xml/problems.ts";
import { ANY_TEXT, NOT_EMPTY, Reader, type TextRule } from "./xml/reader.ts";

const ENTRY_WORDS = ["on_start", "start_now", "on_update", "on_fail", "on_exit"] as const;

export const INSTANCE: TextRule = {
  expected: "a name such as EchoAction: a letter, then at most 62 letters, digits or _",
  accepts: (value) => /^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(value),
};

const OWN_TOPICS = ["context", "control", "state", "monitor", "overview", "transition"];
export const TOPIC: TextRule = {
  expected:
    "a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics",
  accepts: (value) => /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/.test(value) && !OWN_TOPICS.includes(value),
};

// Any word but the first two means "on demand", so one that is nearly one of these is refused as a typing error.
export const ENTRY: TextRule = {
  expected: "on_start, start_now, or another word for a task on demand",
  words: ENTRY_WORDS,
  accepts: (value) =>
    value.trim() !== "" && (ENTRY_WORDS.some((word) => word === value) || nearest(value, ENTRY_WORDS) === undefined),
};

/** What the tasks of a context have in common. A message has none of it. */
export interface Common {
  contextId: string;
  basis: Basis;
}

/** Reads the TaskServices of one context; each needs an id of its own. */
export function readTasks(
  elements: readonly Element[],
  reading: Reading,
  { contextId, basis }: Common = { contextId: "", basis: DEFAULT_BASIS },
): TaskServiceConfig[] {
  const services = elements.map((element) => new Reader(element, reading, serviceLabel(element)));
  const instances = new Map(
    services.map((service) => [idOf(service), idsOfInstances(idOf(service), readInstances(service))]),
  );
  instances.delete("");
  const ids = services.flatMap((service) => {
    const own = instances.get(idOf(service)) ?? [];
    return own[0] === idOf(service) ? own : [idOf(service), ...own].filter((id) => id !== "");
  });
  const taken = new Set<string>();
  const tasks = services.flatMap((service) => {
    const task = readTask(service, { contextId, ids }, basis, instances.get(idOf(service)) ?? []);
    return instancesOf(task, instances).map((one) => {
      if (taken.has(one.id)) service.report("id", `expected an id of its own, got ${quote(one.id)} again`);
      if (one.id !== "") taken.add(one.id);
      return { task: one, service };
    });
  });
  reportCycles(tasks);
  return tasks.map(({ task }) => task);
}

function idOf({ element }: Reader): string {
  return textAt(element, "id")?.value ?? "";
}

function readTask(service: Reader, names: Names, basis: Basis, ownIds: readonly string[]): TaskServiceConfig {
  const task = service.child("Task");
  const message = task.child("message");
  const state = task.child("state");
  const command = readCommand(service);
  const own = {
    id: service.text("id", idRule(names.contextId)),
    instance: service.text("instance", INSTANCE),
    topic: service.text("topic", TOPIC),
    serviceType: service.oneOf("serviceType", SERVICE_TYPES),
  };
  const configuration = readConfiguration(message);
  const isOfNode = isInternal({ ...own, configuration });
  return {
    ...own,
    serviceName: message.child("header").text("service_name", NOT_EMPTY),
    description: task.text("description", ANY_TEXT),
    entry: state.text("type", ENTRY, ["state", "type"]),
    configuration,
    triggers: readTriggers(state, names),
    ...(command === undefined ? {} : { command }),
    // Anyone who reaches the port may send a task; its supervision comes from the file alone.
    supervision: service.reading.strict
      ? readTaskSupervision(service, isOfNode ? kept(basis) : basis, { ...names, ...own, ownIds })
      : DEFAULT_SUPERVISION,
  };
}

/** The basis of a service that is restarted however it ends, unless its own `<Supervision>` says otherwise. */
function kept({ supervision, ...timings }: Basis): Basis {
  return { ...timings, supervision: { ...supervision, restart: "always", onLimit: "keep-trying" } };
}

/** How many ids of a cycle a message names. */
const MAX_MEMBERS = 20;

function reportCycles(tasks: readonly { task: TaskServiceConfig; service: Reader }[]): void {
  // A task that depends on itself has been reported.
  const dependencies = tasks.map(
    ({ task: { id, supervision } }) => [id, supervision.dependsOn.filter((one) => one !== id)] as const,
  );
  for (const cycle of findCycles(new Map(dependencies))) {
    const service = tasks.find(({ task }) => task.id === cycle[0])?.service;
    const more = cycle.length > MAX_MEMBERS ? [`${cycle.length - MAX_MEMBERS} more`] : [];
    const members = [...cycle.slice(0, MAX_MEMBERS).map(shorten), ...more, shorten(cycle[0] ?? "")].join(" -> ");
    const own = service && childAt(service.element, "Supervision");
    service?.report("depends_on", `a cycle: ${members}`, own && textAt(own, "depends_on")?.place);
  }
}

/** Triggers separate ids by commas and white space, and use the context id and `all` for groups: an id can't hold either. */
export function idRule(contextId: string): TextRule {
  return {
    expected:
      "1 to 128 characters without white space, comma or control character, neither all nor __proto__ nor the context id",
    accepts: (value) =>
      /^[^\s,\p{Cc}]{1,128}$/u.test(value) && value !== "all" && value !== contextId && value !== "__proto__",
  };
}
