// What the keywords of JSON Schema that stand for themselves demand: each value of one is a set of values that it lets through,
// so that a change narrows the set, widens it, or does both. Pure.
import { isDeepStrictEqual } from "node:util";

/** Whether a change lets through less than before, more than before, or both. */
export interface Effect {
  narrows: boolean;
  widens: boolean;
}

export const BOTH: Effect = { narrows: true, widens: true };
const NEITHER: Effect = { narrows: false, widens: false };

type Compare = (before: unknown, after: unknown) => Effect;

/** Of numbers: the larger one lets through more, or less. */
const most: Compare = (before, after) => ordered(Number(before), Number(after));
const least: Compare = (before, after) => ordered(Number(after), Number(before));

function ordered(before: number, after: number): Effect {
  return { narrows: after < before, widens: after > before };
}

/** Of what can't be compared: another one lets through other values. */
const other: Compare = (before, after) => (isDeepStrictEqual(before, after) ? NEITHER : BOTH);

const multiple: Compare = (before, after) => {
  const [step, next] = [Number(before), Number(after)];
  if (step === next) return NEITHER;
  if (Number.isInteger(next / step)) return { narrows: true, widens: false };
  return Number.isInteger(step / next) ? { narrows: false, widens: true } : BOTH;
};

const unique: Compare = (before, after) => ({
  narrows: before !== true && after === true,
  widens: before === true && after !== true,
});

/** A keyword that is not there lets everything through. */
const COMPARE: { readonly [keyword: string]: Compare } = {
  maximum: most,
  exclusiveMaximum: most,
  maxLength: most,
  maxItems: most,
  maxProperties: most,
  maxContains: most,
  minimum: least,
  exclusiveMinimum: least,
  minLength: least,
  minItems: least,
  minProperties: least,
  minContains: least,
  multipleOf: multiple,
  uniqueItems: unique,
  pattern: other,
  format: other,
  contentEncoding: other,
  contentMediaType: other,
  dependentRequired: other,
  dependencies: other,
  if: other,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: other,
  else: other,
  $dynamicRef: other,
  $recursiveRef: other,
};

export const PLAIN_KEYWORDS = Object.keys(COMPARE);

/** Those that let everything through say so by a value as well. */
const FREE: { readonly [keyword: string]: unknown } = { uniqueItems: false };

export function effectOf(keyword: string, before: unknown, after: unknown): Effect {
  const [was, is] = [before ?? FREE[keyword], after ?? FREE[keyword]];
  if (isDeepStrictEqual(was, is)) return NEITHER;
  if (was === undefined) return { narrows: true, widens: false };
  if (is === undefined) return { narrows: false, widens: true };
  return COMPARE[keyword]?.(was, is) ?? NEITHER;
}

const TYPES = ["null", "boolean", "object", "array", "string", "number", "integer"] as const;

/** The types that a schema lets through; all without the keyword. A number may be an integer. */
export function typesOf(type: unknown): Set<string> {
  const named = type === undefined ? TYPES : [type].flat().map(String);
  return new Set(named.includes("number") ? [...named, "integer"] : named);
}

/** A set as somebody would write it. */
export function typeNames(types: ReadonlySet<string>): string {
  if (TYPES.every((type) => types.has(type))) return "any";
  return [...types].filter((type) => type !== "integer" || !types.has("number")).join(" or ") || "nothing";
}

/** The only values that a schema lets through; undefined where it names none. */
export function valuesOf({ enum: values, const: value }: { [keyword: string]: unknown }): unknown[] | undefined {
  if (value !== undefined) return [value];
  return Array.isArray(values) ? values : undefined;
}

export function without(values: readonly unknown[], others: readonly unknown[]): unknown[] {
  return values.filter((value) => !others.some((one) => isDeepStrictEqual(one, value)));
}
