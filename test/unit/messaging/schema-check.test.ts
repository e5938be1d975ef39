import { describe, expect, test } from "vitest";
import { checkOf } from "../../../src/messaging/schema-check.ts";

const ORDER = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] };

describe("a JSON Schema", () => {
  test.each([
    undefined,
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
  ])("of draft %s says what is wrong with a value", async ($schema) => {
    const check = checkOf($schema === undefined ? ORDER : { $schema, ...ORDER }, "event orders.created");

    expect(await check({ id: 7 })).toBeUndefined();
    expect(await check({ id: "7" })).toBe("value/id must be integer");
    expect(await check({})).toBe("value must have required property 'id'");
  });

  test.each(["http://json-schema.org/draft-04/schema#", "https://example.com/schema", "constructor"])(
    "of the unknown draft %s is refused by its name",
    ($schema) => {
      expect(() => checkOf({ $schema }, "event a.b")).toThrow(
        expect.objectContaining({ code: "ERR_SCHEMA_INVALID", message: expect.stringContaining($schema) }),
      );
    },
  );

  test("that is none is refused", () => {
    expect(() => checkOf({ type: "integre" }, "event a.b")).toThrow(/the schema of event a\.b can't be compiled/);
  });

  test("may be true or false", async () => {
    expect(await checkOf(true, "a")(1)).toBeUndefined();
    expect(await checkOf(false, "a")(1)).toBe("value boolean schema is false");
  });
});

test("a standard schema, such as zod's, is asked itself", async () => {
  const check = checkOf(
    {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          value === 1 ? { value } : { issues: [{ message: "expected 1", path: ["a", { key: 0 }] }] },
      },
    },
    "event a.b",
  );

  expect(await check(1)).toBeUndefined();
  expect(await check(2)).toBe("a.0: expected 1");
});
