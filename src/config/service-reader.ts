// Reads one service of a list, and holds the services of a list against each other.
import { type Element, textAt } from "./element.ts";
import { type TaskServiceConfig, TRIGGER_ACTIONS, TRIGGER_EVENTS, type Trigger, type TriggerEvent } from "./model.ts";
import { quote } from "./problems.ts";
import type { Reader, TextRule } from "./reader.ts";
import { hidesPythonModule, meaningOf } from "./reserved-words.ts";
import { LANGUAGES, type Language, type ListedService } from "./service-model.ts";
import { ENTRY, INSTANCE, idRule, TOPIC } from "./task-reader.ts";
import { calledBy, type Names, strangersAmong } from "./trigger-reader.ts";

const TEXT: TextRule = { expected: "text without characters that XML can't hold", accepts: isXmlText };
const FILLED: TextRule = { ...TEXT, expected: "a text", accepts: (value) => value.trim() !== "" && isXmlText(value) };
export const LINE: TextRule = {
  expected: "one line of text",
  accepts: (value) => isXmlText(value) && !/[\t\n\r\u2028\u2029]/.test(value),
};
export const PATH: TextRule = { ...FILLED, expected: "a folder" };

/** What holds for all services of a list. */
export interface Shared {
  location: string | undefined;
  language: Language;
}

export function readService(service: Reader, shared: Shared): ListedService {
  const language = textAt(service.element, "language") ? service.oneOf("language", LANGUAGES) : shared.language;
  const name = readName(service, "task_service");
  if (language === "python" && hidesPythonModule(name))
    service.report("task_service", `expected another name, ${quote(name)} is a module that Python itself needs`);
  return {
    name,
    className: textAt(service.element, "task_class")?.value ? readName(service, "task_class") : name,
    language,
    kind: readKind(service),
    id: service.text("task_id", inXml(idRule(""))),
    topic: service.text("task_topic", { ...TOPIC, optional: true }) || "process",
    serviceName: service.text("service_name", FILLED),
    description: service.text("task_desc", TEXT),
    deviceAction: service.text("device_action", TEXT),
    entry: textAt(service.element, "entry_action")?.value ? service.text("entry_action", inXml(ENTRY)) : "on_start",
    triggers: readStates(service),
    location: service.text("location", { ...TEXT, optional: true }) || shared.location || undefined,
  };
}

/** A name that files and code will have; empty where it can't be one. */
export function readName(reader: Reader, word: string): string {
  const name = reader.text(word, INSTANCE);
  const meaning = meaningOf(name);
  if (meaning === undefined) return name;
  reader.report(word, `expected another name, ${quote(name)} is ${meaning}`);
  return "";
}

function readKind(service: Reader): ListedService["kind"] {
  if (!textAt(service.element, "task_type")?.value) return "looped";
  return service.oneOf("task_type", ["Looped", "Single"]) === "Single" ? "single" : "looped";
}

// --- states: a trigger, its action, and whom it calls ----------------------------------------------------------------

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
    if (seen.has(event)) service.report("state trigger", `expected ${event} once, got it again`, element.place);
    seen.add(event);
    if (trigger !== undefined) triggers[event] = trigger;
  }
  return triggers;
}

function readState(state: Reader): { event?: TriggerEvent; trigger?: Trigger } {
  const event = TRIGGER_EVENTS.find((word) => word === textAt(state.element, "trigger")?.value);
  if (event === undefined) {
    state.oneOf("trigger", TRIGGER_EVENTS, "state trigger");
    return {};
  }
  const [action = "", call = ""] = ["action", "state_id"].map((part) => textAt(state.element, part)?.value);
  if (action === "" && call === "") return { event };
  const called = calledBy(call);
  const { place } = textAt(state.element, "state_id") ?? state.element;
  if (called.length === 0)
    state.report(`${event} state_id`, `expected task ids, the context id or all, got ${quote(call)}`, place);
  return { event, trigger: { action: state.oneOf("action", TRIGGER_ACTIONS, `${event} action`), call: called } };
}

// --- one beside the others -------------------------------------------------------------------------------------------

interface Listed {
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

function inXml(rule: TextRule): TextRule {
  return { ...rule, accepts: (value) => rule.accepts(value) && isXmlText(value) };
}

/** `Char` of XML 1.0, without the halves of surrogate pairs. */
function isXmlText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u.test(value);
}
