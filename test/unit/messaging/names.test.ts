import { describe, expect, test } from "vitest";
import { parseEventName, parseMethodName } from "../../../src/messaging/names.ts";

describe("the name of an event", () => {
  test("is split at its first dot", () => {
    expect(parseEventName("orders.created.eu")).toEqual({ domain: "orders", type: "created.eu" });
  });

  test.each(["orders", ".created", "orders.", "", "or ders.created", "orders.cre\nated", `orders.${"x".repeat(201)}`])(
    "is refused as %j",
    (name) => {
      expect(() => parseEventName(name)).toThrow(expect.objectContaining({ code: "ERR_EVENT_NAME" }));
    },
  );

  test("may be of any script", () => {
    expect(parseEventName("注文.作成")).toEqual({ domain: "注文", type: "作成" });
  });
});

test("the name of a method without a service is refused", () => {
  expect(parseMethodName("navitaire-api.get_booking")).toEqual({ service: "navitaire-api", method: "get_booking" });
  expect(() => parseMethodName("get_booking")).toThrow(expect.objectContaining({ code: "ERR_METHOD_UNKNOWN" }));
});
