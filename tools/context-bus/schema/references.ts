// References within a schema: `#/$defs/price`, `#price`, and those to other schemata of the same folder. Pure.
import { isObject } from "../../../src/protocol/json.ts";

/** A schema, and the document that it stands in, whose references it may have. */
export interface Placed {
  schema: Schema;
  root: Schema;
}

export type Schema = boolean | { readonly [keyword: string]: unknown };

export function isSchema(value: unknown): value is Schema {
  return typeof value === "boolean" || isObject(value);
}

/** Follows references until there is none; undefined where one leads nowhere that is known. */
export function resolve(placed: Placed): Placed | undefined {
  const seen = new Set<Schema>();
  let { schema, root } = placed;
  while (isObject(schema) && typeof schema.$ref === "string") {
    if (seen.has(schema)) return undefined;
    seen.add(schema);
    const found = find(root, schema.$ref);
    if (found === undefined) return undefined;
    // Beside a reference, later drafts have further keywords, which hold as well.
    const { $ref: _, ...others } = schema;
    const holds = Object.keys(others).some((keyword) => !ANNOTATIONS.includes(keyword));
    schema = holds ? withBeside(schema, found, others) : found;
  }
  return { schema, root };
}

/** One for each schema: a recursive one is known again by it. */
const beside = new WeakMap<object, Schema>();

function withBeside(schema: object, found: Schema, keywords: Schema): Schema {
  const known = beside.get(schema) ?? { allOf: [found, keywords] };
  beside.set(schema, known);
  return known;
}

/** Keywords that say something about a value, and demand nothing. */
const ANNOTATIONS = [
  ...["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"],
  ...["$comment", "$id", "$schema", "$anchor", "$defs", "definitions"],
];

function find(root: Schema, reference: string): Schema | undefined {
  if (reference === "#") return root;
  if (reference.startsWith("#/")) return follow(root, reference.slice(2).split("/").map(unescaped));
  const named = (value: unknown): Schema | undefined => {
    if (!isObject(value)) return Array.isArray(value) ? first(value, named) : undefined;
    if (value.$anchor === reference.slice(1) || value.$id === reference) return value;
    return first(Object.values(value), named);
  };
  return named(root);
}

function first(values: readonly unknown[], find: (value: unknown) => Schema | undefined): Schema | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

function follow(root: Schema, path: readonly string[]): Schema | undefined {
  let at: unknown = root;
  for (const name of path) at = Array.isArray(at) || isObject(at) ? Reflect.get(at, name) : undefined;
  return isSchema(at) ? at : undefined;
}

function unescaped(part: string): string {
  return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
}
