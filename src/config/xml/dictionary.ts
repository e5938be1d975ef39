// Turns a TaskService in a message, a JSON dictionary, into the elements that XML would have given. Pure.
import { ZcontextError } from "../../errors.ts";
import type { Element } from "./element.ts";
import type { Place } from "./problems.ts";

/** The depth that the codec allows in a message. */
const MAX_DEPTH = 64;

/** As many as the 10,000 elements of a file and their attributes; free-form parts are not counted. */
const MAX_ENTRIES = 20_000;

export interface Dictionary {
  elements: Element[];
  /** The path that a place stands for, such as `TaskService[2].Task.state`. */
  pathOf: (place: Place) => string;
}

/**
 * Turns an entry of a message into elements: a list into elements of the same name, an object into one with children, any
 * other value into one with text. A free-form `configuration` is kept as a value.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` for more levels or entries than a context can have.
 */
export function elementsFrom(name: string, value: unknown): Dictionary {
  const paths: string[] = [];
  return {
    elements: elementsAt({ name, value, path: name, depth: 1 }, paths),
    pathOf: (place) => paths[place] ?? name,
  };
}

interface Entry {
  name: string;
  value: unknown;
  path: string;
  depth: number;
}

function elementsAt({ name, value, path, depth }: Entry, paths: string[]): Element[] {
  if (depth > MAX_DEPTH) throw tooMuch(`${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      elementsAt({ name, value: item, path: `${path}[${index}]`, depth: depth + 1 }, paths),
    );
  }
  if (paths.length >= MAX_ENTRIES) throw tooMuch(`${MAX_ENTRIES} entries`);
  const place = paths.push(path) - 1;
  const inside = typeof value === "object" && value !== null && name !== "configuration" ? Object.entries(value) : [];
  const children = inside.flatMap(([key, item]) =>
    elementsAt({ name: key, value: item, path: `${path}.${key}`, depth: depth + 1 }, paths),
  );
  return [{ name, value, place, children, attributes: [], text: textOf(value) }];
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function tooMuch(limit: string): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `TaskService: expected at most ${limit}, got more`);
}
