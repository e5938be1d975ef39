import { describe, expect, test } from "vitest";
import { bagOf, eventTopic, readAzureTopic, readBag } from "../../../../src/hub/com/providers/azure-topics.ts";

describe("a topic of Azure is read as", () => {
  test.each([
    ["$iothub/twin/res/200/?$rid=r1", { kind: "twin-answer", status: 200, requestId: "r1", version: undefined }],
    ["$iothub/twin/res/204/?$rid=r1&$version=7", { kind: "twin-answer", status: 204, requestId: "r1", version: 7 }],
    ["$iothub/twin/PATCH/properties/desired/?$version=5", { kind: "desired", version: 5 }],
    ["$iothub/methods/POST/stop/?$rid=3", { kind: "method", name: "stop", requestId: "3" }],
    [
      "devices/box1/messages/devicebound/%24.mid=m&command=ping",
      { kind: "message", properties: { "$.mid": "m", command: "ping" } },
    ],
  ])("%s", (topic, read) => {
    expect(readAzureTopic(topic, "box1")).toEqual(read);
  });

  test.each(["devices/other/messages/devicebound/", "$iothub/twin/res/x/?$rid=1", "zcontext/box1/log"])(
    "nothing: %s",
    (topic) => {
      expect(readAzureTopic(topic, "box1")).toBeUndefined();
    },
  );
});

test("properties travel in the topic of a message, whatever is in them", () => {
  const properties = { "$.ct": "application/json", source: "a/b&c=d %", kind: "log" };

  expect(eventTopic("box1", { kind: "log" })).toBe("devices/box1/messages/events/kind=log");
  expect(readBag(bagOf(properties))).toEqual(properties);
  expect(readBag("a=%E0%A4%A&b")).toEqual({ a: "%E0%A4%A", b: "" });
});
