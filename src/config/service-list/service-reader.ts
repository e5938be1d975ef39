// Reads one service of a list and checks what can be checked without the others. Pure.

import { PROTOCOLS, type ProtocolName, PYTHON_PROTOCOLS } from "../../streams/contract/protocol-names.ts";
import { type TaskServiceConfig, TRIGGER_ACTIONS, TRIGGER_EVENTS, type Trigger, type TriggerEvent } from "../model.ts";
import { ENTRY, INSTANCE, idRule, TOPIC } from "../task-reader.ts";
import { calledBy } from "../trigger-reader.ts";
import { textAt } from "../xml/element.ts";
import { quote } from "../xml/problems.ts";
import type { Reader, TextRule } from "../xml/reader.ts";
import { hidesPythonModule, meaningOf } from "./reserved-words.ts";
import { LANGUAGES, type Language, type ListedService } from "./service-model.ts";

const TEXT: TextRule = { expected: "text without characters that XML can't hold", accepts: isXmlText };
const FILLED: TextRule = { ...TEXT, expected: "a text", accepts: (value) => value.trim() !== "" && isXmlText(value) };
export const LINE: TextRule = {
  expected: "one line of text",
  accepts: (value) => isXmlText(value) && !/[\p{Cc}\u2028\u2029]/u.test(value),
};
// The reader of a context file trims text, and so the ends of a path.
const LOCATION: TextRule = {
  expected: "a folder without white space at the ends of its names",
  accepts: (value) => LINE.accepts(value) && !/(?:^|\/)\s|\s(?:\/|$)/.test(value),
  optional: true,
};
export const PATH: TextRule = {
  expected: "a folder",
  accepts: (value) => value.trim() !== "" && LINE.accepts(value),
};

/** What a list sets for all its services. */
export interface Shared {
  location: string | undefined;
  language: Language;
}

export function readService(service: Reader, shared: Shared): ListedService {
  const language = textAt(service.element, "language") ? service.oneOf("language", LANGUAGES) : shared.language;
  const name = readName(service, "task_service");
  if (language === "python" && hidesPythonModule(name))
    service.report("task_service", `expected another name, ${quote(name)} is a module that Python itself needs`);
  const handlers = readHandlers(service);
  const isCustom = textAt(service.element, "base")?.value ? service.oneOf("base", BASES) === "custom" : false;
  const hasHandlers = isCustom || Object.values(handlers).some((names) => names.length > 0);
  return {
    name,
    ...handlers,
    // What a custom service does in any case.
    ...(isCustom && { actions: handlers.actions.filter((action) => action !== "Process") }),
    isCustom,
    protocol: readProtocol(service, handlers.consumes, language),
    className: textAt(service.element, "task_class")?.value ? readName(service, "task_class") : name,
    language,
    kind: readKind(service, hasHandlers),
    id: service.text("task_id", inXml(idRule(""))),
    topic: service.text("task_topic", { ...TOPIC, optional: true }) || "process",
    serviceName: service.text("service_name", hasHandlers ? ADDRESSABLE : FILLED),
    description: service.text("task_desc", TEXT),
    deviceAction: service.text("device_action", TEXT),
    entry: textAt(service.element, "entry_action")?.value ? service.text("entry_action", inXml(ENTRY)) : "on_start",
    triggers: readStates(service),
    location: service.text("location", LOCATION) || shared.location || undefined,
  };
}

/** A name for files and code; empty where it can't be used. */
export function readName(reader: Reader, word: string): string {
  const name = reader.text(word, INSTANCE);
  const meaning = meaningOf(name);
  if (meaning === undefined) return name;
  reader.report(word, `expected another name, ${quote(name)} is ${meaning}`);
  return "";
}

/** What a service can be made of. */
const BASES = ["custom"] as const;

function readKind(service: Reader, hasHandlers: boolean): ListedService["kind"] {
  if (!textAt(service.element, "task_type")?.value) return hasHandlers ? undefined : "looped";
  return service.oneOf("task_type", ["Looped", "Single"]) === "Single" ? "single" : "looped";
}

// --- handlers: comma lists of names -------------------------------------------------------------------------------------

/** Others reach it by its name. */
const ADDRESSABLE: TextRule = {
  expected: "one word without a dot, since other services reach it by this name",
  accepts: (value) => /^[^\s.@\p{Cc}]+$/u.test(value) && isXmlText(value),
};
const WORD = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;
const HANDLERS = {
  listens: {
    expected: "events such as orders.created: words of letters, digits, _ or -, with a dot between",
    accepts: (name: string) => /^[A-Za-z][\w-]*(\.[\w-]+)+$/.test(name) && name.length <= 120,
  },
  serves: {
    expected: "methods such as get_invoice: a letter, then at most 62 letters, digits or _",
    accepts: (name: string) => WORD.test(name) && meaningOf(name) === undefined,
  },
  actions: {
    expected:
      "actions such as SendEmail: a letter, then at most 62 letters, digits or _; Start, Stop and StateUpdate are functions of every task",
    accepts: (name: string) =>
      WORD.test(name) && meaningOf(name) === undefined && !["Start", "Stop", "StateUpdate"].includes(name),
  },
  consumes: {
    expected: "queues such as queue_1: letters, digits, _, - and ., at most 120",
    accepts: (name: string) => /^[A-Za-z0-9_-][\w.-]*$/.test(name) && name.length <= 120,
  },
};

function readHandlers(service: Reader): Pick<ListedService, keyof typeof HANDLERS> {
  const read = (word: keyof typeof HANDLERS): string[] => {
    const text = textAt(service.element, word)?.value ?? "";
    const names = text.split(",").map((name) => name.trim());
    const distinct = [...new Set(names.filter((name) => name !== ""))];
    const { expected, accepts } = HANDLERS[word];
    const wrong = distinct.find((name) => !accepts(name));
    if (wrong !== undefined) service.report(word, `expected ${expected}, got ${quote(wrong)}`);
    return distinct;
  };
  return { listens: read("listens"), serves: read("serves"), actions: read("actions"), consumes: read("consumes") };
}

/** Of the queues that it consumes. */
function readProtocol(service: Reader, consumes: readonly string[], language: Language): ProtocolName {
  if (!textAt(service.element, "protocol")?.value) return "HTTPHandler";
  if (consumes.length === 0) service.report("protocol", "expected consumes beside it: the queues that it is for");
  return service.oneOf("protocol", language === "python" ? PYTHON_PROTOCOLS : PROTOCOLS);
}

// --- states: a trigger, its action, and the tasks it calls --------------------------------------------------------------

function readStates(service: Reader): TaskServiceConfig["triggers"] {
  const states = service.element.children.filter(({ name }) => name === "state");
  if (states.length !== TRIGGER_EVENTS.length) {
    const place = states.at(TRIGGER_EVENTS.length)?.place ?? service.element.place;
    service.report("state", `expected four, one each for ${TRIGGER_EVENTS.join(", ")}, got ${states.length}`, place);
  }
  const triggers: Partial<Record<TriggerEvent, Trigger>> = {};
  const seen = new Set<TriggerEvent>();
  for (const element of states) {
    const { event, trigger } = readState(service.at(element));
    if (event === undefined) continue;
    if (seen.has(event)) service.report(["state", "trigger"], `expected ${event} once, got it again`, element.place);
    seen.add(event);
    if (trigger !== undefined) triggers[event] = trigger;
  }
  return triggers;
}

function readState(state: Reader): { event?: TriggerEvent; trigger?: Trigger } {
  const event = TRIGGER_EVENTS.find((word) => word === textAt(state.element, "trigger")?.value);
  if (event === undefined) {
    state.oneOf("trigger", TRIGGER_EVENTS, ["state", "trigger"]);
    return {};
  }
  const [action = "", call = ""] = ["action", "state_id"].map((part) => textAt(state.element, part)?.value);
  if (action === "" && call === "") return { event };
  const called = calledBy(call);
  const { place } = textAt(state.element, "state_id") ?? state.element;
  if (called.length === 0)
    state.report([event, "state_id"], `expected task ids, the context id or all, got ${quote(call)}`, place);
  return { event, trigger: { action: state.oneOf("action", TRIGGER_ACTIONS, [event, "action"]), call: called } };
}

function inXml(rule: TextRule): TextRule {
  return { ...rule, accepts: (value) => rule.accepts(value) && isXmlText(value) };
}

/** Whether all characters are `Char` of XML 1.0; half a surrogate pair is none. */
function isXmlText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u.test(value);
}
