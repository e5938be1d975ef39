import { describe, expect, test } from "vitest";
import { defineTask } from "../../../src/tasks/define.ts";
import { type PropertyValue, propertyOf } from "../../../src/tasks/property.ts";
import { rehearse } from "../../../src/tasks/rehearsal/rehearse.ts";

const configuration = { mail: { host: "mx", port: "587", tls: "True", empty: "" }, flat: "text", list: ["a"] };

describe("a property", () => {
  test.each<[string, string, PropertyValue | undefined, PropertyValue | undefined]>([
    ["mail", "host", undefined, "mx"],
    ["mail", "host", "localhost", "mx"],
    ["mail", "port", 25, 587],
    ["mail", "tls", false, true],
    ["mail", "empty", "x", ""],
    ["mail", "empty", 25, 25],
    ["mail", "host", 25, 25],
    ["mail", "host", true, true],
    ["mail", "user", "nobody", "nobody"],
    ["mail", "user", undefined, undefined],
    ["mail", "constructor", "none", "none"],
    ["other", "host", "none", "none"],
    ["flat", "host", "none", "none"],
    ["list", "0", "none", "none"],
    ["__proto__", "toString", "none", "none"],
  ])("%s, %s with the fallback %j is %j", (category, name, fallback, value) => {
    expect(propertyOf(configuration, category, name, fallback)).toBe(value);
  });

  test("of no configuration at all is the fallback", () => {
    for (const none of [undefined, null, "text", []]) expect(propertyOf(none, "a", "b", 7)).toBe(7);
  });

  test("is there in the scope of a task, with its type", async () => {
    const read: unknown[] = [];
    const task = defineTask<typeof configuration>({
      kind: "single",
      run: ({ property }) => void read.push(property("mail", "port", 25) + 1, property("mail", "host")),
    });

    await rehearse(task, { configuration });

    expect(read).toEqual([588, "mx"]);
  });
});
