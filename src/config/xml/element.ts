// An XML element with its place, and how to find its children and attributes. Pure.
import { type Place, shorten } from "./problems.ts";

/** An element of a file, or an entry of a message that stands for one. */
export interface Element {
  name: string;
  attributes: Attribute[];
  children: Element[];
  /** Its own text, without that of its children. In a file it is trimmed. */
  text: string;
  place: Place;
  /** In a file: the text with the white space around it. */
  verbatim?: string;
  /** In a message: the value as it came. Free-form parts are read from it, since it keeps lists of one element. */
  value?: unknown;
}

export interface Attribute {
  name: string;
  /** With entities decoded, not trimmed. */
  value: string;
  place: Place;
}

/** A named text of an element: the attribute, or else the first child of that name. */
export function textAt(element: Element, name: string): { value: string; place: Place } | undefined {
  const attribute = element.attributes.find((candidate) => candidate.name === name);
  if (attribute !== undefined) return attribute;
  const child = childAt(element, name);
  return child && { value: child.text, place: child.place };
}

export function childAt(element: Element, name: string): Element | undefined {
  return element.children.find((child) => child.name === name);
}

/** The owner of problems in a TaskService: `TaskService ts001`. Empty for every other element. */
export function serviceLabel(element: Element): string {
  if (element.name !== "TaskService") return "";
  return `TaskService ${shorten(textAt(element, "id")?.value ?? "")}`.trimEnd();
}
