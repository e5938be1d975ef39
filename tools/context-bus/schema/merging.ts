// `allOf` as one schema: what several schemata demand together. Pure.
import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../src/protocol/json.ts";
import { typesOf, valuesOf } from "./keywords.ts";
import { isSchema, resolve, type Schema } from "./references.ts";

type Keywords = { readonly [keyword: string]: unknown };

/** Parts within parts, at most; a schema that has itself as a part demands nothing by that. */
const DEEPEST = 30;
/** What nothing fits. */
const NOTHING: Keywords = { not: true };

/** The schema without references and `allOf` at its top. */
export function flattened(schema: Schema, root: Schema, depth = 0): Keywords {
  const found = resolve({ schema, root })?.schema ?? schema;
  if (typeof found === "boolean") return found ? {} : NOTHING;
  const { allOf, ...rest } = found;
  if (!Array.isArray(allOf) || depth > DEEPEST) return rest;
  const parts = allOf.filter(isSchema).map((part) => flattened(part, root, depth + 1));
  return parts.reduce(merge, rest);
}

type Merge = (one: unknown, other: unknown) => unknown;

const smaller: Merge = (one, other) => Math.min(Number(one), Number(other));
const larger: Merge = (one, other) => Math.max(Number(one), Number(other));
const both: Merge = (one, other) => together(one, other);

const MERGE: { readonly [keyword: string]: Merge } = {
  ...Object.fromEntries(["Length", "Items", "Properties"].map((of) => [`max${of}`, smaller])),
  ...Object.fromEntries(["Length", "Items", "Properties"].map((of) => [`min${of}`, larger])),
  ...{ maximum: smaller, exclusiveMaximum: smaller, minimum: larger, exclusiveMinimum: larger },
  ...{ items: both, additionalProperties: both, propertyNames: both, contains: both },
  required: (one, other) => [...new Set([one, other].flat())],
  type: (one, other) => [...typesOf(one)].filter((type) => typesOf(other).has(type)),
  enum: (one, other) => valuesIn(one).filter((value) => valuesIn(other).some((same) => isDeepStrictEqual(same, value))),
  properties: byName,
  patternProperties: byName,
  not: (one, other) => ({ anyOf: [one, other] }),
};

/** One for each pair: a recursive schema is known again by it. */
const pairs = new WeakMap<object, WeakMap<object, Keywords>>();

function together(one: unknown, other: unknown): unknown {
  if (!isObject(one) || !isObject(other)) return { allOf: [one, other] };
  const known = pairs.get(one) ?? new WeakMap<object, Keywords>();
  pairs.set(one, known);
  const pair = known.get(other) ?? { allOf: [one, other] };
  known.set(other, pair);
  return pair;
}

function valuesIn(list: unknown): unknown[] {
  return valuesOf({ enum: list }) ?? [];
}

function byName(one: unknown, other: unknown): unknown {
  const merged: { [name: string]: unknown } = isObject(one) ? { ...one } : {};
  for (const [name, schema] of Object.entries(isObject(other) ? other : {}))
    merged[name] = Object.hasOwn(merged, name) ? both(merged[name], schema) : schema;
  return merged;
}

function merge(one: Keywords, other: Keywords): Keywords {
  const merged: { [keyword: string]: unknown } = { ...one };
  for (const [keyword, value] of Object.entries(other)) {
    const known = merged[keyword];
    const isSame = known === undefined || isDeepStrictEqual(known, value);
    // Two that can't be one are kept as a pair, so that a change of either shows.
    merged[keyword] = isSame ? value : (MERGE[keyword]?.(known, value) ?? [known, value]);
  }
  return merged;
}
