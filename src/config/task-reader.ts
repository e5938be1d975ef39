import { readCommand } from "./command-reader.ts";
import { readConfiguration } from "./configuration-reader.ts";
import { type Element, serviceLabel, textAt } from "./element.ts";
import { SERVICE_TYPES, type TaskServiceConfig } from "./model.ts";
import { quote, type Reading } from "./problems.ts";
import { ANY_TEXT, NOT_EMPTY, Reader, type TextRule } from "./reader.ts";
import { nearest } from "./suggest.ts";
import { type Names, readTriggers } from "./trigger-reader.ts";

const ENTRY_WORDS = ["on_start", "start_now", "on_update", "on_fail", "on_exit"] as const;

export const INSTANCE: TextRule = {
  expected: "a name such as EchoAction: a letter, then at most 62 letters, digits or _",
  accepts: (value) => /^[A-Za-z][A-Za-z0-9_]{0,62}$/.test(value),
};

const OWN_TOPICS = ["context", "control", "state", "monitor"];
export const TOPIC: TextRule = {
  expected:
    "a word such as process: a letter, then at most 127 letters, digits, _, . or -, none of zcontext's own topics",
  accepts: (value) => /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/.test(value) && !OWN_TOPICS.includes(value),
};

// Any word but the first two means "on demand", so a word that is nearly one of these is no word but a slip.
export const ENTRY: TextRule = {
  expected: "on_start, start_now, or another word for a task on demand",
  words: ENTRY_WORDS,
  accepts: (value) =>
    value.trim() !== "" && (ENTRY_WORDS.some((word) => word === value) || nearest(value, ENTRY_WORDS) === undefined),
};

/** Reads the TaskServices of one context, each with an id of its own. */
export function readTasks(services: readonly Element[], reading: Reading, contextId = ""): TaskServiceConfig[] {
  const ids = services.map((service) => textAt(service, "id")?.value ?? "").filter((id) => id !== "");
  const taken = new Set<string>();
  return services.map((element) => {
    const service = new Reader(element, reading, serviceLabel(element));
    const task = readTask(service, { contextId, ids });
    if (taken.has(task.id)) service.report("id", `expected an id of its own, got ${quote(task.id)} again`);
    if (task.id !== "") taken.add(task.id);
    return task;
  });
}

function readTask(service: Reader, names: Names): TaskServiceConfig {
  const task = service.child("Task");
  const message = task.child("message");
  const state = task.child("state");
  const command = readCommand(service);
  return {
    id: service.text("id", idRule(names.contextId)),
    instance: service.text("instance", INSTANCE),
    topic: service.text("topic", TOPIC),
    serviceType: service.oneOf("serviceType", SERVICE_TYPES),
    serviceName: message.child("header").text("service_name", NOT_EMPTY),
    description: task.text("description", ANY_TEXT),
    entry: state.text("type", ENTRY, "state type"),
    configuration: readConfiguration(message),
    triggers: readTriggers(state, names),
    ...(command === undefined ? {} : { command }),
  };
}

/** Triggers tell ids from each other by commas and white space, and from the context id and `all` by being neither. */
export function idRule(contextId: string): TextRule {
  return {
    expected: "1 to 128 characters without white space, comma or control character, neither all nor the context id",
    accepts: (value) =>
      /^[^\s,\p{Cc}]{1,128}$/u.test(value) && value !== "all" && value !== contextId && value !== "__proto__",
  };
}
