// What a change of a JSON Schema does besides adding: for each place in a message, what it was, what it is, and who breaks that
// has not changed yet. A schema that lets through less refuses what senders of before send; one that lets through more has
// receivers of before get what they refuse. An optional property is added freely, where objects are open to others. Pure.
import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../src/protocol/json.ts";
import { BOTH, type Effect, effectOf, PLAIN_KEYWORDS, typeNames, typesOf, valuesOf, without } from "./keywords.ts";
import { flattened } from "./merging.ts";
import { isSchema, type Placed, resolve, type Schema } from "./references.ts";

/** Who breaks: those that send by the schema of before, or those that read by it. */
export type Side = "senders" | "receivers";

export interface Change {
  /** Where in a message, such as `items[].price`; empty for all of it. */
  path: string;
  /** What is demanded there, before and after: `required`, `type`, a keyword. */
  what: string;
  was: string;
  is: string;
  breaks: Side[];
}

type Keywords = { readonly [keyword: string]: unknown };

/** Where two schemata are compared. */
interface Place {
  path: string;
  /** The pairs that are being compared: a recursive schema comes back to one of them. */
  above: readonly (readonly [Schema, Schema])[];
}

/** Nobody reads deeper; a schema that grows as it is followed would go on for ever. */
const DEEPEST = 40;
/** Variants of more than so many pairs are taken in their order. */
const MOST_PAIRS = 400;

/** What has changed between two schemata, besides additions. */
export function changesOf(before: Schema, after: Schema): Change[] {
  const changes = compare({ schema: before, root: before }, { schema: after, root: after }, { path: "", above: [] });
  const keyOf = (change: Change) => JSON.stringify(change);
  return [...new Map(changes.map((change) => [keyOf(change), change])).values()];
}

function compare(before: Placed, after: Placed, place: Place): Change[] {
  const { path, above } = place;
  const isKnown = above.some(([one, other]) => one === before.schema && other === after.schema);
  if (isKnown || above.length > DEEPEST) return [];
  const below = { path, above: [...above, [before.schema, after.schema] as const] };
  const [one, other] = [resolve(before), resolve(after)];
  if (one === undefined || other === undefined) {
    const [was, is] = [referenceIn(before), referenceIn(after)];
    return was === is ? [] : [change(path, "reference", was, is, BOTH)];
  }
  if (one.schema === false || other.schema === false) {
    const effect = { narrows: one.schema !== false, widens: other.schema !== false };
    return change1(path, "values", describe(one), describe(other), effect);
  }
  const [variants, others] = [variantsOf(one), variantsOf(other)];
  const [only, next] = [variants[0], others[0]];
  if (variants.length === 1 && others.length === 1 && only !== undefined && next !== undefined)
    return compareKeywords(only, next, below);
  return compareVariants(variants, others, below);
}

/** A schema of keywords, with its document. */
interface Flat {
  schema: Keywords;
  root: Schema;
}

/** The schema as one or several without `anyOf`, `oneOf` and `allOf`. */
function variantsOf({ schema, root }: Placed): Flat[] {
  const flat = flattened(schema, root);
  const { anyOf, oneOf, ...rest } = flat;
  const branches = [anyOf ?? oneOf].flat().filter(isSchema);
  if (branches.length === 0) return [{ schema: flat, root }];
  return branches.map((branch) => ({ schema: flattened({ allOf: [rest, branch] }, root), root }));
}

function compareVariants(before: readonly Flat[], after: readonly Flat[], place: Place): Change[] {
  const pairs = before.flatMap((one, index) =>
    after.flatMap((other, at) =>
      before.length * after.length <= MOST_PAIRS || index === at
        ? [{ one, other, distance: Math.abs(index - at), changes: compare(one, other, place) }]
        : [],
    ),
  );
  pairs.sort((one, other) => one.changes.length - other.changes.length || one.distance - other.distance);
  const [left, added] = [new Set(before), new Set(after)];
  const changes = pairs.flatMap(({ one, other, changes }) => {
    if (!left.has(one) || !added.has(other)) return [];
    left.delete(one);
    added.delete(other);
    return changes;
  });
  const { path } = place;
  return [
    ...changes,
    ...[...left].map((one) => change(path, "variant", describe(one), "removed", { narrows: true, widens: false })),
    ...[...added].map((one) => change(path, "variant", "absent", describe(one), { narrows: false, widens: true })),
  ];
}

function compareKeywords(before: Flat, after: Flat, place: Place): Change[] {
  const { path } = place;
  const [was, is] = [typesIn(before.schema), typesIn(after.schema)];
  const types = {
    narrows: [...was].some((type) => !is.has(type)),
    widens: [...is].some((type) => !was.has(type)),
  };
  const [values, others] = [valuesOf(before.schema), valuesOf(after.schema)];
  const isListed = values !== undefined && others !== undefined;
  const ofType = isListed ? [] : change1(path, "type", typeNames(was), typeNames(is), types);
  // Nothing else is comparable between values of other types.
  if (![...was].some((type) => is.has(type))) return ofType;
  return [
    ...ofType,
    ...change1(path, "values", listOf(values), listOf(others), effectOfValues(values, others)),
    ...PLAIN_KEYWORDS.flatMap((keyword) => {
      const [one, other] = [before.schema[keyword], after.schema[keyword]];
      return change1(path, keyword, textOf(one), textOf(other), effectOf(keyword, one, other));
    }),
    ...(was.has("object") && is.has("object") ? compareObjects(before, after, place) : []),
    ...(was.has("array") && is.has("array") ? compareArrays(before, after, place) : []),
    ...compareNot(before, after, place),
  ];
}

function effectOfValues(before: unknown[] | undefined, after: unknown[] | undefined): Effect {
  if (before === undefined || after === undefined)
    return {
      narrows: before === undefined && after !== undefined,
      widens: before !== undefined && after === undefined,
    };
  return { narrows: without(before, after).length > 0, widens: without(after, before).length > 0 };
}

// --- objects -----------------------------------------------------------------------------------------------------------

interface Properties {
  named: ReadonlyMap<string, Schema>;
  required: ReadonlySet<string>;
  patterns: ReadonlyMap<string, Schema>;
  /** Of all other properties. */
  rest: Schema;
}

function propertiesOf({ properties, required, patternProperties, ...schema }: Keywords): Properties {
  const rest = schema.additionalProperties ?? schema.unevaluatedProperties;
  return {
    named: schemataIn(properties),
    required: new Set([required ?? []].flat().map(String)),
    patterns: schemataIn(patternProperties),
    rest: isSchema(rest) ? rest : true,
  };
}

function schemataIn(value: unknown): Map<string, Schema> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return new Map(entries.flatMap(([name, schema]) => (isSchema(schema) ? [[name, schema] as const] : [])));
}

function compareObjects(before: Flat, after: Flat, place: Place): Change[] {
  const [was, is] = [propertiesOf(before.schema), propertiesOf(after.schema)];
  const sub = (one: Schema, other: Schema, path: string) =>
    compare({ schema: one, root: before.root }, { schema: other, root: after.root }, { ...place, path });
  const at = (name: string) => pathOf(place.path, name);
  const whole = (keyword: string, path: string) => sub(schemaAt(before, keyword), schemaAt(after, keyword), path);
  return [
    ...[...was.named].flatMap(([name, schema]) => {
      const next = is.named.get(name);
      if (next !== undefined) return sub(schema, next, at(name));
      const narrows = sub(schema, restOf(is, name), at(name)).some(({ breaks }) => breaks.includes("senders"));
      const effect = { narrows, widens: true };
      return [change(at(name), "property", describe({ schema, root: before.root }), "removed", effect)];
    }),
    ...[...is.named].flatMap(([name, schema]) => {
      if (was.named.has(name)) return [];
      const rest = restOf(was, name);
      if (rest === true) return [];
      if (rest !== false) return sub(rest, schema, at(name));
      const effect = { narrows: false, widens: true };
      return [change(at(name), "property", "refused", describe({ schema, root: after.root }), effect)];
    }),
    ...[...is.required].flatMap((name) => {
      const known = was.named.has(name) ? "optional" : "absent";
      return change1(at(name), "required", known, "required", { narrows: !was.required.has(name), widens: false });
    }),
    ...[...was.required].flatMap((name) => {
      const isRemoved = was.named.has(name) && !is.named.has(name);
      return change1(at(name), "required", "required", "optional", {
        narrows: false,
        widens: !isRemoved && !is.required.has(name),
      });
    }),
    ...[...new Set([...was.patterns.keys(), ...is.patterns.keys()])].flatMap((pattern) =>
      sub(was.patterns.get(pattern) ?? was.rest, is.patterns.get(pattern) ?? is.rest, at(`/${pattern}/`)),
    ),
    ...sub(was.rest, is.rest, `${place.path}${place.path === "" ? "" : "."}*`),
    ...whole("propertyNames", `${place.path} (names)`.trim()),
    ...[...new Set([before, after].flatMap(({ schema }) => [...schemataIn(schema.dependentSchemas).keys()]))].flatMap(
      (name) => {
        const [one = true, other = true] = [before, after].map(({ schema }) =>
          schemataIn(schema.dependentSchemas).get(name),
        );
        return sub(one, other, `${place.path} (with ${name})`.trim());
      },
    ),
  ];
}

/** What a property must be that is not named. */
function restOf({ patterns, rest }: Properties, name: string): Schema {
  for (const [pattern, schema] of patterns) if (new RegExp(pattern, "u").test(name)) return schema;
  return rest;
}

function schemaAt({ schema }: Flat, keyword: string): Schema {
  const value = schema[keyword];
  return isSchema(value) ? value : true;
}

// --- arrays, not -------------------------------------------------------------------------------------------------------

function compareArrays(before: Flat, after: Flat, place: Place): Change[] {
  const [was, is] = [itemsOf(before.schema), itemsOf(after.schema)];
  const sub = (one: Schema, other: Schema, path: string) =>
    compare({ schema: one, root: before.root }, { schema: other, root: after.root }, { ...place, path });
  const count = Math.max(was.first.length, is.first.length);
  return [
    ...Array.from({ length: count }, (_, index) =>
      sub(was.first[index] ?? was.rest, is.first[index] ?? is.rest, `${place.path}[${index}]`),
    ).flat(),
    ...sub(was.rest, is.rest, `${place.path}[]`),
    ...sub(schemaAt(before, "contains"), schemaAt(after, "contains"), `${place.path}[] (one of them)`),
  ];
}

/** Items by their place, and all others. */
function itemsOf({ prefixItems, items, additionalItems, unevaluatedItems }: Keywords): {
  first: Schema[];
  rest: Schema;
} {
  const first = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
  const rest = (Array.isArray(items) ? additionalItems : items) ?? unevaluatedItems;
  return { first: first.filter(isSchema), rest: isSchema(rest) ? rest : true };
}

/** What is refused by more is let through by less. */
function compareNot(before: Flat, after: Flat, place: Place): Change[] {
  const [one, other] = [before, after].map(({ schema: { not }, root }) => ({
    schema: isSchema(not) ? not : false,
    root,
  }));
  if (one === undefined || other === undefined) return [];
  const path = `${place.path} (not)`.trim();
  return compare(one, other, { ...place, path }).map(({ breaks, ...change }) => ({
    ...change,
    breaks: breaks.map((side) => (side === "senders" ? "receivers" : "senders")),
  }));
}

// --- words -------------------------------------------------------------------------------------------------------------

function change(path: string, what: string, was: string, is: string, { narrows, widens }: Effect): Change {
  const breaks: Side[] = [...(narrows ? (["senders"] as const) : []), ...(widens ? (["receivers"] as const) : [])];
  return { path, what, was, is, breaks };
}

/** The change, where it is one. */
function change1(path: string, what: string, was: string, is: string, effect: Effect): Change[] {
  return effect.narrows || effect.widens ? [change(path, what, was, is, effect)] : [];
}

const NAME = /^[\p{L}_$][\p{L}\p{N}_$-]*$|^\/.*\/$/u;

function pathOf(path: string, name: string): string {
  if (!NAME.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function typesIn(schema: Keywords): Set<string> {
  const types = typesOf(schema.type);
  const values = valuesOf(schema);
  if (values === undefined) return types;
  return new Set(values.map(typeOf).filter((type) => types.has(type)));
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** A reference that leads nowhere that is known. */
function referenceIn({ schema }: Placed): string {
  return textOf(isObject(schema) ? schema.$ref : schema);
}

/** What a schema lets through, in a few words. */
function describe(placed: Placed): string {
  const { schema } = resolve(placed) ?? placed;
  if (typeof schema === "boolean") return schema ? "anything" : "nothing";
  const flat = flattened(schema, placed.root);
  const values = valuesOf(flat);
  if (values !== undefined) return listOf(values);
  const named = isDeepStrictEqual(flat, {}) ? "anything" : typeNames(typesIn(flat));
  return typeof flat.title === "string" ? `${named} (${flat.title})` : named;
}

function listOf(values: readonly unknown[] | undefined): string {
  return values === undefined ? "any" : values.map((value) => JSON.stringify(value)).join(" or ");
}

function textOf(value: unknown): string {
  return value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);
}
