import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Check, checkOf } from "../../../../src/messaging/schema-check.ts";
import { isObject } from "../../../../src/protocol/json.ts";
import { changesOf, type Side } from "../../../../tools/context-bus/schema/changes.ts";
import type { Schema } from "../../../../tools/context-bus/schema/references.ts";

/** A change as a line: where, what it was and is, and whom it breaks. */
function lines(before: Schema, after: Schema): string[] {
  return changesOf(before, after).map(({ path, what, was, is, breaks }) =>
    `${path} ${what}: ${was} -> ${is}, ${breaks.join(" and ")}`.trim(),
  );
}

const one = (schema: Schema, more: object = {}) => ({ type: "object", properties: { a: schema }, ...more });
const S = { type: "string" };
const N = { type: "number" };

describe("nothing is found where a change", () => {
  test.each<[string, Schema, Schema]>([
    ["is none", one(S), one(S)],
    ["adds an optional property", one(S), { ...one(S), properties: { a: S, b: N } }],
    ["adds one within items", { items: one(S) }, { items: { ...one(S), properties: { a: S, b: N } } }],
    ["says more about a value", one(S), { ...one({ ...S, description: "x", default: "y" }), title: "t", examples: [] }],
    ["moves a part into a definition", one(N), { ...one({ $ref: "#/$defs/n" }), $defs: { n: N } }],
    ["writes the same with allOf", one(S, { required: ["a"] }), { allOf: [one(S), { required: ["a"] }] }],
    ["writes the same with const", one({ enum: ["x"] }), one({ const: "x" })],
    ["orders types, values and names anew", one({ enum: [1, 2] }, { required: [] }), { ...one({ enum: [2, 1] }) }],
    ["orders variants anew", one({ oneOf: [S, N] }), one({ oneOf: [N, S] })],
    ["writes true for what is open", one(S), one(S, { additionalProperties: true })],
    [
      "adds a property to what was allowed already",
      one(S, { additionalProperties: N }),
      {
        ...one(S, { additionalProperties: N }),
        properties: { a: S, b: N },
      },
    ],
  ])("%s", (_, before, after) => {
    expect(lines(before, after)).toEqual([]);
  });
});

describe("what senders of before send is refused where", () => {
  test.each<[string, Schema, Schema, string]>([
    ["a property is required", one(S), one(S, { required: ["a"] }), "a required: optional -> required"],
    [
      "a new one is",
      one(S),
      { ...one(S), properties: { a: S, b: N }, required: ["b"] },
      "b required: absent -> required",
    ],
    ["a type is narrower", one(N), one({ type: "integer" }), "a type: number -> integer"],
    ["one of several types is gone", one({ type: ["string", "null"] }), one(S), "a type: string or null -> string"],
    ["a type is demanded", one({}), one(S), "a type: any -> string"],
    ["a value is gone", one({ enum: ["x", "y"] }), one({ enum: ["x"] }), 'a values: "x" or "y" -> "x"'],
    ["values are listed", one(S), one({ type: "string", enum: ["x"] }), 'a values: any -> "x"'],
    ["others are refused", one(S), one(S, { additionalProperties: false }), "* values: anything -> nothing"],
    ["others are of a type", one(S), one(S, { additionalProperties: S }), "* type: any -> string"],
    ["a maximum is lower", one({ ...N, maximum: 9 }), one({ ...N, maximum: 8 }), "a maximum: 9 -> 8"],
    ["a minimum is higher", one({ ...N, minimum: 1 }), one({ ...N, minimum: 2 }), "a minimum: 1 -> 2"],
    ["a text is shorter", one(S), one({ ...S, maxLength: 5 }), "a maxLength: none -> 5"],
    ["more items are needed", { type: "array" }, { type: "array", minItems: 1 }, "minItems: none -> 1"],
    ["items are unique", { type: "array" }, { type: "array", uniqueItems: true }, "uniqueItems: none -> true"],
    ["steps are larger", one({ ...N, multipleOf: 2 }), one({ ...N, multipleOf: 4 }), "a multipleOf: 2 -> 4"],
    ["a format is demanded", one(S), one({ ...S, format: "email" }), "a format: none -> email"],
    ["a pattern is demanded", one(S), one({ ...S, pattern: "^x" }), "a pattern: none -> ^x"],
    ["a variant is gone", one({ oneOf: [S, N] }), one({ oneOf: [S] }), "a variant: number -> removed"],
    ["items are narrower", { items: N }, { items: { type: "integer" } }, "[] type: number -> integer"],
    [
      "an item of a tuple is",
      { prefixItems: [N] },
      { prefixItems: [{ type: "integer" }] },
      "[0] type: number -> integer",
    ],
    [
      "a definition is",
      { ...one({ $ref: "#/$defs/n" }), $defs: { n: N } },
      {
        ...one({ $ref: "#/$defs/n" }),
        $defs: { n: { type: "integer" } },
      },
      "a type: number -> integer",
    ],
    ["more is excluded", one({ not: { const: 1 } }), one({ not: { enum: [1, 2] } }), "a (not) values: 1 -> 1 or 2"],
    [
      "names are of a pattern",
      { type: "object" },
      { type: "object", propertyNames: { pattern: "^x" } },
      "(names) pattern: none -> ^x",
    ],
    ["nothing fits any more", one(S), one(false), "a values: string -> nothing"],
  ])("%s", (_, before, after, expected) => {
    expect(lines(before, after)).toEqual([`${expected}, senders`]);
  });

  test.each<[string, Schema, Schema, string]>([
    ["a type is narrower", one(N), one({ type: "integer" }), "a type: integer -> number"],
    ["a property is required", one(S), one(S, { required: ["a"] }), "a required: required -> optional"],
    ["a value is gone", one({ enum: ["x", "y"] }), one({ enum: ["x"] }), 'a values: "x" -> "x" or "y"'],
    ["a variant is gone", one({ oneOf: [S, N] }), one({ oneOf: [S] }), "a variant: absent -> number"],
    ["a maximum is lower", one({ ...N, maximum: 9 }), one({ ...N, maximum: 8 }), "a maximum: 8 -> 9"],
  ])("and receivers of before get what they don't expect by the reverse: %s", (_, after, before, expected) => {
    expect(lines(before, after)).toEqual([`${expected}, receivers`]);
  });
});

describe("both sides are told of", () => {
  test.each<[string, Schema, Schema, string[]]>([
    ["another type", one(S), one(N), ["a type: string -> number, senders and receivers"]],
    [
      "another format",
      one({ ...S, format: "date" }),
      one({ ...S, format: "time" }),
      ["a format: date -> time, senders and receivers"],
    ],
    ["another value", one({ const: "x" }), one({ const: "y" }), ['a values: "x" -> "y", senders and receivers']],
    [
      "a property that is removed where others are refused",
      one(S, { additionalProperties: false }),
      {
        type: "object",
        additionalProperties: false,
      },
      ["a property: string -> removed, senders and receivers"],
    ],
    [
      "a property that is removed where others are of another type",
      one(N, { additionalProperties: S }),
      { type: "object", additionalProperties: S },
      ["a property: number -> removed, senders and receivers"],
    ],
    [
      "another reference that leads elsewhere",
      one({ $ref: "x.json" }),
      one({ $ref: "y.json" }),
      ["a reference: x.json -> y.json, senders and receivers"],
    ],
    ["a condition", one(S), one(S, { if: { required: ["a"] } }), ['if: none -> {"required":["a"]}, senders']],
  ])("%s", (_, before, after, expected) => {
    expect(lines(before, after)).toEqual(expected);
  });

  test("a property that is renamed, each for itself", () => {
    const after = { type: "object", properties: { b: S }, required: ["b"] };

    expect(lines(one(S, { required: ["a"] }), after)).toEqual([
      "a property: string -> removed, receivers",
      "b required: absent -> required, senders",
    ]);
  });

  test("a property that is added where others were refused", () => {
    const closed = one(S, { additionalProperties: false });

    expect(lines(closed, { ...closed, properties: { a: S, b: N } })).toEqual([
      "b property: refused -> number, receivers",
    ]);
  });
});

test("places are named as they stand in a message", () => {
  const order = (amount: Schema) => ({
    properties: {
      items: { items: { properties: { "unit price": amount } } },
      address: { properties: { zip: amount } },
    },
  });

  expect(changesOf(order(N), order(S)).map(({ path }) => path)).toEqual(['items[]["unit price"]', "address.zip"]);
});

test("a schema that has itself as a part is followed once", () => {
  const tree = (value: Schema): Schema => ({
    $ref: "#/$defs/node",
    $defs: {
      base: { properties: { children: { type: "array" } } },
      node: {
        allOf: [{ $ref: "#/$defs/base" }, { properties: { value, children: { items: { $ref: "#/$defs/node" } } } }],
      },
    },
  });

  expect(lines(tree(N), tree(S))).toContain("value type: number -> string, senders and receivers");
  expect(lines(tree(N), tree(N))).toEqual([]);
});

describe("of any two schemata", () => {
  const leaf = fc.oneof(
    fc.constantFrom<Schema>(
      S,
      N,
      { type: "integer" },
      { type: ["string", "null"] },
      true,
      { enum: ["x", 1] },
      { const: "x" },
    ),
    fc.record({ type: fc.constant("number"), maximum: fc.constantFrom(0, 1, 2) }),
    fc.record({ type: fc.constant("string"), minLength: fc.constantFrom(0, 1, 2) }),
  );
  const object = fc.record(
    {
      type: fc.constant("object"),
      properties: fc.record({ a: leaf, b: leaf }, { requiredKeys: [] }),
      required: fc.subarray(["a", "b"]),
      additionalProperties: fc.constantFrom<Schema>(true, false, S),
    },
    { requiredKeys: ["type"] },
  );
  const schema = fc.oneof(leaf, object, fc.record({ anyOf: fc.array(leaf, { minLength: 1, maxLength: 3 }) }));
  const value = fc.constantFrom<unknown>(
    ...["x", "", "long", 0, 1, 2.5, null, [], {}],
    ...[{ a: "x" }, { a: 1 }, { a: null, b: 2 }, { a: "x", b: "" }, { c: 1 }, { a: 0, c: "x" }],
  );
  const checks = new Map<string, Check>();
  function fits(schema: Schema, value: unknown): boolean {
    const key = JSON.stringify(schema);
    const check = checks.get(key) ?? checkOf(schema, "it");
    checks.set(key, check);
    return check(value) === undefined;
  }
  const breaks = (before: Schema, after: Schema, side: Side) =>
    changesOf(before, after).some((change) => change.breaks.includes(side));

  test("a value that fits the first and not the second breaks its senders", () => {
    fc.assert(
      fc.property(schema, schema, value, (before, after, value) => {
        // What nobody has named may be sent, and be named later.
        const properties = typeof before === "object" && "properties" in before ? Object(before.properties) : {};
        fc.pre(!isObject(value) || Object.keys(value).every((name) => Object.hasOwn(properties, name)));
        fc.pre(fits(before, value) && !fits(after, value));
        return breaks(before, after, "senders");
      }),
      { numRuns: 100, maxSkipsPerRun: 1_000 },
    );
  });

  test("the reverse breaks the receivers by the same", () => {
    fc.assert(
      fc.property(schema, schema, (one, other) => {
        // Names that are new where objects are open are the one difference.
        const named = (schema: Schema) => typeof schema === "object" && "properties" in schema;
        fc.pre(!named(one) && !named(other));
        return breaks(one, other, "senders") === breaks(other, one, "receivers");
      }),
      { numRuns: 200 },
    );
  });
});
