import { describe, expect, test } from "vitest";
import {
  anyObject,
  count,
  dictionaryOf,
  exactly,
  finite,
  flag,
  id,
  listOf,
  literal,
  nullish,
  object,
  oneOf,
  optional,
  otherwise,
  pairOf,
  read,
  tagged,
  text,
} from "../../../src/protocol/schema.ts";

const POINT = object({ name: text, at: object({ x: count, y: optional(count) }) });
const SHAPE = tagged<object>("kind", {
  point: exactly({ kind: literal("point"), x: count }),
  line: exactly({ kind: literal("line"), length: finite }),
});

describe("a misfit names the field, what was expected and what came:", () => {
  test.each([
    ["the value itself", POINT, 7, { field: "", expected: "an object", came: 7 }],
    ["an array where an object was expected", POINT, [], { field: "", expected: "an object", came: [] }],
    ["a missing field", POINT, { at: { x: 1 } }, { field: "name", expected: "a string", came: undefined }],
    ["a missing object", POINT, { name: "a" }, { field: "at", expected: "an object", came: undefined }],
    ["an array in a field", POINT, { name: "a", at: [1] }, { field: "at", expected: "an object", came: [1] }],
    [
      "a field inside another",
      POINT,
      { name: "a", at: { x: -1 } },
      { field: "at.x", expected: "a whole number, at least 0", came: -1 },
    ],
    ["the first of several", POINT, { name: 1, at: 2 }, { field: "name", expected: "a string", came: 1 }],
    ["a word that is none of ours", oneOf(["on", "off"]), "up", { field: "", expected: "on, off", came: "up" }],
    ["an empty id", id, "", { field: "", expected: "an id", came: "" }],
    [
      "a number beyond all numbers",
      finite,
      Number.POSITIVE_INFINITY,
      { field: "", expected: "a number", came: Number.POSITIVE_INFINITY },
    ],
    ["a list, of which one item is wrong", listOf(id, "ids"), ["a", 1], { field: "", expected: "ids", came: ["a", 1] }],
    ["a list that is too short", listOf(id, "ids", 1), [], { field: "", expected: "ids", came: [] }],
    [
      "a field that is not in the schema",
      SHAPE,
      { kind: "point", x: 1, colour: "red" },
      { field: "colour", expected: undefined, came: "red" },
    ],
    ["an unknown kind", SHAPE, { kind: "circle" }, { field: "kind", expected: "point, line", came: "circle" }],
    ["a missing kind", SHAPE, {}, { field: "kind", expected: "point, line", came: undefined }],
  ])("%s", (_, schema, value, misfit) => {
    expect(read<unknown>(schema, value)).toEqual({ misfit });
  });
});

describe("what is read", () => {
  test("has the fields of the schema and no others", () => {
    expect(read(POINT, { name: "a", at: { x: 1, z: 2 }, more: 1 }).value).toEqual({ name: "a", at: { x: 1 } });
  });

  test("has the fallback where a field may be missing, null or anything", () => {
    const schema = object({ title: nullish(text, ""), isLast: otherwise(flag, false) });

    for (const value of [{}, { title: null, isLast: null }, { isLast: "true" }])
      expect(read(schema, value).value).toEqual({ title: "", isLast: false });
    expect(read(schema, { title: "a", isLast: true }).value).toEqual({ title: "a", isLast: true });
  });

  test("is an object as it came, where any will do", () => {
    const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');

    expect(read(anyObject, value).value).toBe(value);
  });
});

describe("names that every object inherits", () => {
  test.each(["constructor", "toString", "__proto__"])("are no kind: %s", (kind) => {
    expect(read(SHAPE, { kind }).misfit?.field).toBe("kind");
  });

  test.each(["constructor", "prototype", "__proto__"])("are seen as a field that is not in the schema: %s", (name) => {
    const value = JSON.parse(`{"kind": "point", "x": 1, "${name}": 1}`);

    expect(read(SHAPE, value).misfit).toMatchObject({ field: name, expected: undefined });
  });

  test("give nothing to what is read", () => {
    const value = JSON.parse('{"name": "a", "at": {"x": 1}, "__proto__": {"isAdmin": true}}');

    expect(read(POINT, value).value).not.toHaveProperty("isAdmin");
  });

  test("are keys of a dictionary like any other, and their values are looked at", () => {
    const schema = dictionaryOf(pairOf(text, count), "pairs");
    const good = JSON.parse('{"__proto__": ["a", 1], "constructor": ["b", 2]}');

    expect(Object.keys(read(schema, good).value ?? {})).toEqual(["__proto__", "constructor"]);
    expect(read(schema, JSON.parse('{"constructor": ["b"]}')).misfit?.expected).toBe("pairs");
    expect(read(schema, JSON.parse('{"__proto__": ["b", 1, 2]}')).misfit?.expected).toBe("pairs");
  });
});
