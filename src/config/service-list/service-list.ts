// Reads a description of task services to create: a MetaServiceConf of either generation of the original, or the options of
// `create-service`, which describe a single one. The result is checked down to the ids that triggers call, but not against
// the files on disk. Pure.
import { isAbsolute, relative } from "node:path";
import { ZcontextError } from "../../errors.ts";
import { isBelow } from "../../folders.ts";
import { readServer } from "../endpoint-reader.ts";
import { checkShape } from "../grammar.ts";
import { TRIGGER_EVENTS } from "../model.ts";
import { type Element, textAt } from "../xml/element.ts";
import { positionsIn } from "../xml/position.ts";
import { countOf, describe, type Problem, sentenceOf } from "../xml/problems.ts";
import { Reader, type TextRule } from "../xml/reader.ts";
import { parseXml } from "../xml/xml.ts";
import { checkCalls, checkDistinct, checkIds, checkLocations, checkNames } from "./service-checks.ts";
import type { ExistingContext, Language, ListedService, ServiceList } from "./service-model.ts";
import { LINE, PATH, readName, readService } from "./service-reader.ts";

export * from "./service-model.ts";

/** A list that was read, but not yet checked against the context that its services are added to. */
export interface ServiceListDraft {
  /** Where that context is. Throws as `against` does where its name or its folder has a problem. */
  whereabouts(): Whereabouts;
  /**
   * @param existing - The context as it is; undefined where it is new.
   * @param location - The rule of the project for locations.
   * @throws {ZcontextError} `ERR_CONFIG_INVALID`, or `ERR_USAGE` where the list came as options, with all problems.
   */
  against(existing?: ExistingContext, location?: TextRule): ServiceList;
}

export type Whereabouts = Pick<ServiceList, "contextName" | "homePath" | "servicePath">;

/** Names of what a list sets for all its services, as the original has them. */
const LIST_WORDS = [
  "context_name",
  "context_id",
  "server_ip",
  "sub_port",
  "pub_port",
  "service_path",
  "home_path",
  "log_on",
] as const;

/** Names of what a `Service` sets. */
const SERVICE_WORDS = [
  "task_service",
  "task_class",
  "task_file",
  "task_desc",
  "task_type",
  "service_name",
  "task_id",
  "task_topic",
  "device_action",
  "entry_action",
  "location",
  "language",
  "listens",
  "serves",
  "actions",
  "consumes",
  "protocol",
  "base",
] as const;

const SHAPE = {
  children: {
    ...texts(LIST_WORDS),
    location: "text",
    Service: {
      many: true,
      attributes: ["task_type", "language"],
      children: { ...texts(SERVICE_WORDS), state: { many: true, children: texts(["trigger", "action", "state_id"]) } },
    },
  },
} as const;

function texts(names: readonly string[]): { [name: string]: "text" } {
  return Object.fromEntries(names.map((name) => [name, "text"]));
}

export interface ServiceListOptions {
  /** The name for messages; nothing is opened. */
  file?: string;
  /** Of services that name none. Default: `typescript`. */
  language?: Language | undefined;
  /** In place of what the file says, and of the home it may name. */
  servicePath?: string | undefined;
  homePath?: string | undefined;
}

/**
 * Reads a MetaServiceConf.
 *
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` at once for what is no such file.
 */
export function parseServiceList(
  text: string,
  { file = "services.xml", ...options }: ServiceListOptions = {},
): ServiceListDraft {
  const problems: Problem[] = [];
  const fail = () => invalidFile(file, text, problems);
  const root = parseXml(text, problems);
  if (root === undefined) throw fail();
  if (root.name !== "MetaServiceConf") {
    problems.push({ place: root.place, message: `expected the root <MetaServiceConf>, got <${root.name}>` });
    throw fail();
  }
  checkShape(root, SHAPE, { problems, strict: true });
  return draft(withPaths(root, options), { problems, language: options.language, fail, labelOf: serviceLabel });
}

/** The list, with its folders replaced by those given. */
function withPaths(root: Element, { servicePath, homePath = servicePath }: ServiceListOptions): Element {
  const given = Object.entries({ service_path: servicePath, home_path: homePath });
  const paths = given.flatMap(([name, text]) =>
    text === undefined ? [] : [element(name, { text, place: root.place })],
  );
  const { children } =
    servicePath === undefined ? root : withoutFolder(root, textAt(root, "service_path")?.value ?? "");
  return { ...root, children: [...paths, ...children] };
}

/** The element, with locations below a folder made relative to it: the project may have been moved. */
function withoutFolder(element: Element, folder: string): Element {
  const { name, text, children } = element;
  if (name === "location" && isAbsolute(folder) && isAbsolute(text) && isBelow(folder, text))
    return { ...element, text: relative(folder, text) || "." };
  return { ...element, children: children.map((child) => withoutFolder(child, folder)) };
}

/** The options that describe a service, by their names without dashes; `on_exit: "start ts002"` describes a state. */
export type ServiceOptions = { readonly [name: string]: string | undefined };

/** Reads the description of a single task service from options; unknown options are ignored. */
export function readServiceOptions(options: ServiceOptions, language?: Language): ServiceListDraft {
  const problems: Problem[] = [];
  const fail = () => invalidOptions(problems);
  return draft(listOf(options), { problems, language, fail, labelOf: () => "" });
}

/**
 * The problem with one of these options, given the others; undefined where it has none. Missing options are ignored, and the
 * ids that triggers call are not checked, since the context is not known.
 *
 * @returns `--pub_port: expected a port other than sub_port, got "5556"`
 */
export function problemWith(name: string, options: ServiceOptions, language?: Language): string | undefined {
  const problems: Problem[] = [];
  draft(listOf(options), { problems, language, fail: () => invalidOptions(problems), labelOf: () => "" });
  const own = problems.find(({ part }) => part?.[0] === name);
  return own && sentenceOfOption(own);
}

/** The MetaServiceConf that options describe; the place of an element is the number of its option. */
function listOf(options: ServiceOptions): Element {
  const all = Object.entries(options).flatMap(([name, text], place) =>
    text === undefined ? [] : [element(name, { text: text.trim(), place })],
  );
  const among = (names: readonly string[]) => all.filter(({ name }) => names.includes(name));
  const states = TRIGGER_EVENTS.map((event) => {
    const { text = "", place = 0 } = all.find(({ name }) => name === event) ?? {};
    const [action = "", ...call] = text.split(/\s+/);
    const parts = Object.entries({ trigger: event, action, state_id: call.join(" ") });
    return element("state", { place, children: parts.map(([name, said]) => element(name, { text: said, place })) });
  });
  const place = all.find(({ name }) => name === "task_service")?.place ?? 0;
  const service = element("Service", { place, children: [...among(SERVICE_WORDS), ...states] });
  return element("MetaServiceConf", { children: [...among(LIST_WORDS), service] });
}

function element(name: string, { text = "", children = [], place = 0 }: Partial<Element>): Element {
  return { name, attributes: [], children, text, place };
}

interface Source {
  problems: Problem[];
  /** Of services that set none. */
  language?: Language | undefined;
  /** The owner of the problems of a service. */
  labelOf(service: Element): string;
  fail(): ZcontextError;
}

function draft(root: Element, { problems, language = "typescript", labelOf, fail }: Source): ServiceListDraft {
  const reading = { problems, strict: true };
  const whole = new Reader(root, reading);
  const settings = readSettings(whole);
  const { contextName, servicePath } = settings;
  const isNamed = Boolean(textAt(root, "context_id")?.value);
  const elements = root.children.filter(({ name }) => name === "Service");
  if (elements.length === 0) whole.report("Service", "expected at least one, got none");
  const readers = elements.map((service) => new Reader(service, reading, labelOf(service)));
  const shared = { location: textAt(root, "location")?.value, language };
  const services = readers.map((reader) => readService(reader, shared));
  const listed = readers.map((reader, index) => ({ reader, service: services[index] as ListedService }));
  checkDistinct(listed);

  function against(existing?: ExistingContext, location?: TextRule): ServiceList {
    const { contextId, tasks } = existing ?? { contextId: settings.contextId, tasks: [] };
    // A service whose instance is in the context already keeps the id it has there.
    const added = services.filter(({ name }) => !tasks.some(({ instance }) => instance === name));
    const ids = new Set([...tasks, ...added].map(({ id }) => id).filter((id) => id !== ""));
    checkNames(listed, tasks);
    checkIds(listed, contextId);
    if (location !== undefined) checkLocations([whole, ...readers], location);
    checkCalls(listed, { contextId, ids: [...ids] });
    if (problems.length > 0) throw fail();
    return { ...settings, contextId: isNamed ? settings.contextId : contextId, services };
  }

  return {
    against,
    whereabouts: () => (contextName === "" || servicePath === "" ? against() : settings),
  };
}

function readSettings(root: Reader): Omit<ServiceList, "services"> {
  const contextName = readName(root, "context_name");
  const servicePath = root.text("service_path", PATH);
  const log = root.text("log_on", { expected: "0 or 1", accepts: (value) => /^[01]?$/.test(value), optional: true });
  return {
    contextName,
    contextId: root.text("context_id", { ...LINE, optional: true }) || "context001",
    servicePath,
    homePath: root.text("home_path", { ...PATH, optional: true }) || servicePath,
    ...readServer(root),
    isQuiet: log === "0",
  };
}

function serviceLabel(service: Element): string {
  const name = textAt(service, "task_service")?.value || textAt(service, "task_id")?.value;
  return name ? `Service ${name.slice(0, 60)}` : "Service";
}

function invalidFile(file: string, text: string, problems: readonly Problem[]): ZcontextError {
  const details = describe(problems, positionsIn(text)).map((line) => `${file}:${line}`);
  return new ZcontextError("ERR_CONFIG_INVALID", `${file} has ${countOf(details)}; nothing was written`, { details });
}

function invalidOptions(problems: readonly Problem[]): ZcontextError {
  const details = problems.toSorted((one, other) => one.place - other.place).map(sentenceOfOption);
  return new ZcontextError("ERR_USAGE", `the options have ${countOf(details)}; nothing was written`, {
    details,
    hint: "`create-service --help` explains them",
  });
}

/** `--task_id: expected …`. What a trigger calls is part of the trigger's option. */
function sentenceOfOption({ part = [], message }: Problem): string {
  const option = part.at(-1) === "state_id" ? part.slice(0, -1) : part;
  return `--${sentenceOf({ part: option, message })}`;
}
