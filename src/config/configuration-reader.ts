// Turns a task's free-form <configuration> into an object of texts, objects and lists, by the rules of the original: a
// repeated name is a list, and attributes count like elements and win over them. Text beside elements or attributes is
// refused, since one of the two would be lost. Pure.

import type { ConfigurationValue } from "./model.ts";
import { childAt, type Element } from "./xml/element.ts";
import { type Place, quote, shorten } from "./xml/problems.ts";
import type { Reader } from "./xml/reader.ts";

type Configuration = { [name: string]: ConfigurationValue };
type Entry = [name: string, value: ConfigurationValue];

/** The depth that the codec allows in a message. */
const MAX_DEPTH = 64;

/** Names with a meaning in every JavaScript object; code that merges such objects may be attacked through them. */
const UNSAFE_NAMES = ["__proto__", "constructor", "prototype"];

/** Reads `content/configuration` of a task's `message`. A message from a peer may lack it; it is then empty. */
export function readConfiguration(message: Reader): Configuration {
  const content = childAt(message.element, "content") ?? message.element;
  const element = childAt(content, "configuration");
  const report: Report = (part, problem, place = (element ?? content).place) =>
    message.report(part === "configuration" ? part : ["configuration", shorten(part)], problem, place);
  return withHostsListed(message.reading.strict ? fromFile(element, report) : fromMessage(element?.value, report));
}

/** Reports a problem with the part of that name, by default at the place of the configuration. */
type Report = (part: string, problem: string, place?: Place) => void;

/** `hosts` is always a list, also for one host, so that tasks need not tell the two apart. */
function withHostsListed(configuration: Configuration): Configuration {
  const { hosts } = configuration;
  return hosts === undefined || Array.isArray(hosts) ? configuration : { ...configuration, hosts: [hosts] };
}

function fromFile(element: Element | undefined, report: Report): Configuration {
  if (element !== undefined && element.children.length > 0) return readObject(element, report);
  const got = element === undefined || element.text === "" ? "nothing" : `the text ${quote(element.text)}`;
  const example = "<configuration><device_action></device_action></configuration>";
  report("configuration", `expected at least one element, got ${got}; write ${example}`);
  return {};
}

function readValue(element: Element, report: Report): ConfigurationValue {
  const { name, attributes, children, text, place } = element;
  if (children.length > 0 || (attributes.length > 0 && text === "")) return readObject(element, report);
  if (attributes.length > 0) report(name, "expected text or attributes, got both; make the attributes elements", place);
  return text;
}

function readObject({ name, attributes, children, text, place }: Element, report: Report): Configuration {
  if (text !== "") report(name, `expected elements, got the text ${quote(text)} beside them`, place);
  for (const part of [...attributes, ...children]) checkName(part.name, report, part.place);
  const values = new Map<string, ConfigurationValue[]>();
  for (const child of children) {
    const value = readValue(child, report);
    const earlier = values.get(child.name);
    if (earlier === undefined) values.set(child.name, [value]);
    else earlier.push(value);
  }
  return Object.fromEntries([
    ...Array.from(values, ([key, list]): Entry => [key, list.length === 1 && list[0] !== undefined ? list[0] : list]),
    ...attributes.map(({ name: key, value }): Entry => [key, value]),
  ]);
}

function fromMessage(value: unknown, report: Report): Configuration {
  if (isObject(value)) return plainObject(value, report, 1);
  // The original sends an empty element as an empty text.
  const isEmpty = value === undefined || value === null || value === "";
  if (!isEmpty) report("configuration", `expected an object, got ${quote(String(value))}`);
  return {};
}

function plainValue(value: unknown, report: Report, depth: number): ConfigurationValue {
  if (depth > MAX_DEPTH) report("configuration", `expected at most ${MAX_DEPTH} levels, got more`);
  else if (Array.isArray(value)) return value.map((item) => plainValue(item, report, depth + 1));
  else if (isObject(value)) return plainObject(value, report, depth + 1);
  else if (value !== undefined && value !== null) return String(value);
  return "";
}

function plainObject(value: object, report: Report, depth: number): Configuration {
  return Object.fromEntries(
    Object.entries(value).map(([name, item]): Entry => {
      checkName(name, report);
      return [name, plainValue(item, report, depth)];
    }),
  );
}

function checkName(name: string, report: Report, place?: Place): void {
  if (UNSAFE_NAMES.includes(name)) report(name, "expected another name, this one has a meaning of its own", place);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
