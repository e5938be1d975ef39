// What a value from outside must look like, and what is wrong with one that does not. This is the only file that
// knows the library: its schemata get the words of our refusals here, and the first of its issues becomes a `Misfit`.
// It looks for a field with `in`, so no schema may name one that every object inherits, such as `constructor`. Pure.
import * as v from "valibot";
import { isObject, type JsonObject } from "./json.ts";

/** What reads a value of any kind as a `T`. */
export type Schema<T> = v.GenericSchema<unknown, T>;
/** What a schema reads. */
export type Output<S extends Schema<unknown>> = v.InferOutput<S>;

/** The schema of an object that leaves out no field of `T`, the optional ones included. */
export type ObjectSchema<T> = Schema<T> & { readonly entries: Readonly<Record<keyof T, unknown>> };

/** The schemata of the members of a union, by the field that tells them apart. */
export type Variants<T extends { readonly [tag in Tag]: string }, Tag extends string> = {
  readonly [Member in T as Member[Tag]]: ObjectSchema<Member>;
};

/** The first thing that is wrong with a value. */
export interface Misfit {
  /** With dots between the levels; empty for the value itself. */
  field: string;
  /** As in "expected a string"; undefined where no such field was expected. */
  expected: string | undefined;
  /** What stands in the field; undefined where it is missing. */
  came: unknown;
}

export type Reading<T> = { value: T; misfit?: never } | { value?: never; misfit: Misfit };

/** Reads a value by a schema. What is read is a new object, without the fields that the schema does not name. */
export function read<T>(schema: Schema<T>, value: unknown): Reading<T> {
  const result = v.safeParse(schema, value, FIRST_ONLY);
  return result.success ? { value: result.output } : { misfit: misfitOf(result.issues[0]) };
}

const FIRST_ONLY = { abortEarly: true };

function misfitOf(issue: v.BaseIssue<unknown>): Misfit {
  const field = issue.path?.map(({ key }) => String(key)).join(".") ?? "";
  if (issue.type === "strict_object" && issue.expected === "never")
    return { field, expected: undefined, came: issue.path?.at(-1)?.value };
  return { field, expected: issue.message, came: issue.input };
}

export const AN_OBJECT = "an object";

export const text = v.string("a string");
/** Text that is not empty. */
export const id = textThat((value) => value !== "", "an id");
export const flag = v.boolean("true or false");
/** JSON has numbers that are too large for one of ours, which is infinite then. */
export const finite = numberThat(Number.isFinite, "a number");
export const notNegative = numberThat((value) => Number.isFinite(value) && value >= 0, "a number, at least 0");
export const whole = numberThat(Number.isSafeInteger, "a whole number");
export const count = numberThat((value) => Number.isSafeInteger(value) && value >= 0, "a whole number, at least 0");
/** Anything, or nothing. */
export const anything = v.optional(v.unknown());
/** Any object of JSON, which stays as it is. */
export const anyObject = v.custom<JsonObject>(isObject, AN_OBJECT);

/** Text that passes a check. */
export function textThat(check: (value: string) => boolean, expected: string) {
  return v.pipe(v.string(expected), v.check(check, expected));
}

/** A number that passes a check. */
export function numberThat(check: (value: number) => boolean, expected: string) {
  return v.pipe(v.number(expected), v.check(check, expected));
}

/** What a type guard lets through, as it is. */
export function guarded<T>(guard: (value: unknown) => value is T, expected: string) {
  return v.custom<T>(guard, expected);
}

/** This one word. */
export function literal<const T extends string | number>(word: T) {
  return v.literal(word, String(word));
}

/** One of some words. */
export function oneOf<const T extends string>(words: readonly T[], expected = words.join(", ")) {
  return v.picklist(words, expected);
}

/** A field that may be missing. */
export function optional<T>(schema: Schema<T>) {
  return v.optional(schema);
}

/** A field that may be missing or null, which both mean the fallback. */
export function nullish<T, const F extends T>(schema: Schema<T>, fallback: F) {
  return v.nullish(schema, fallback);
}

/** Anything, where whatever does not fit counts as the fallback. */
export function otherwise<T, const F extends T>(schema: Schema<T>, fallback: F) {
  return v.fallback(schema, fallback);
}

/** An object with these fields. */
export function object<const E extends v.ObjectEntries>(entries: E) {
  return noArray(entries, v.object(entries, wordsOf(entries)));
}

/** An object with these fields and no others. */
export function exactly<const E extends v.ObjectEntries>(entries: E) {
  return noArray(entries, v.strictObject(entries, wordsOf(entries)));
}

/** An object of one of several kinds, which a field tells apart. */
export function tagged<T>(tag: string, variants: { readonly [kind: string]: Schema<T> }): Schema<T> {
  const unknown = v.pipe(
    object({ [tag]: oneOf(Object.keys(variants)) }),
    v.rawTransform(({ NEVER }) => NEVER),
  );
  return v.lazy((value) => {
    const kind = isObject(value) ? value[tag] : undefined;
    return typeof kind === "string" && Object.hasOwn(variants, kind) ? (variants[kind] ?? unknown) : unknown;
  });
}

/** A list of these. One wrong item makes the whole list the misfit, so `expected` is of the list: "a list of ids". */
export function listOf<T>(item: Schema<T>, expected: string, minLength = 0) {
  return v.custom<readonly T[]>(
    (value) => Array.isArray(value) && value.length >= minLength && value.every((one) => v.is(item, one)),
    expected,
  );
}

/** What a schema reads, as it came; anything wrong in it makes the whole value the misfit. */
export function asAWhole<T>(schema: Schema<T>, expected: string) {
  return v.custom<T>((value) => v.is(schema, value), expected);
}

/** An object with these fields, as it came; anything wrong in it makes the whole value the misfit. */
export function shapedAs<T>(expected: string, fields: { readonly [Field in keyof T]-?: Schema<unknown> }): Schema<T> {
  const schema = object(fields);
  return v.custom<T>((value) => v.is(schema, value), expected);
}

/** A list of two. */
export function pairOf<A, B>(first: Schema<A>, second: Schema<B>) {
  return v.strictTuple([first, second]);
}

/** An object of these under keys of any name, `constructor` included, which the library's own record leaves out. */
export function dictionaryOf<T>(item: Schema<T>, expected: string) {
  return v.custom<{ readonly [key: string]: T }>(
    (value) => isObject(value) && Object.values(value).every((one) => v.is(item, one)),
    expected,
  );
}

const NO_ARRAY = v.never(AN_OBJECT);

// To the library an array is an object as well.
function noArray<E extends v.ObjectEntries, S extends v.GenericSchema>(entries: E, schema: S) {
  const choice = v.lazy((value) => (Array.isArray(value) ? NO_ARRAY : schema));
  return Object.assign(choice, { entries, message: AN_OBJECT });
}

// The library speaks of a missing field as of its object; what had to be in the field is in the field's own schema.
function wordsOf(entries: v.ObjectEntries) {
  return ({ path: [place] = [] }: { path?: readonly { key?: unknown }[] | undefined }) => {
    const missing = entries[String(place?.key)];
    return missing !== undefined && "message" in missing ? String(missing.message) : AN_OBJECT;
  };
}
