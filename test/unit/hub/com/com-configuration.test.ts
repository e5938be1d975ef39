import { describe, expect, test } from "vitest";
import { readComConfiguration } from "../../../../src/hub/com/com-configuration.ts";

describe("the configuration of Com", () => {
  test("needs a URL alone", () => {
    expect(readComConfiguration({ url: "mqtt://127.0.0.1:1883" }, "box1")).toEqual({
      provider: "mqtt",
      url: "mqtt://127.0.0.1:1883",
      node: "box1",
      root: "zcontext",
      heartbeatMs: 180_000,
    });
  });

  test("may say all there is", () => {
    const given = {
      provider: "azure-mqtt",
      url: "mqtts://hub.example.org",
      node: "n",
      root: "plant/7",
      credentials_file: "device.txt",
      ca_file: "ca.pem",
      heartbeat_s: "30",
      location: "x",
    };

    expect(readComConfiguration(given, "box1")).toEqual({
      provider: "azure-mqtt",
      url: "mqtts://hub.example.org",
      node: "n",
      root: "plant/7",
      credentialsFile: "device.txt",
      caFile: "ca.pem",
      heartbeatMs: 30_000,
    });
  });

  test.each([
    [{}, "<url>: expected mqtt://host:port"],
    [{ url: "u", provider: "mqqt" }, '<provider>: expected mqtt, azure-mqtt, memory, hub, got "mqqt"'],
    [{ url: "u", node: "a/b" }, "the node in a topic"],
    [{ url: "u", root: "#" }, "the root in a topic"],
    [{ url: "u", heartbeat_s: "0" }, "<heartbeat_s>: expected 1 to 86400"],
    [{ url: "u", heartbeat_s: "soon" }, "<heartbeat_s>"],
    [{ url: { a: "b" } }, "<url>: expected text"],
    [{ url: "u", credential_file: "c" }, "<credential_file>"],
  ])("is refused as %j", (given, message) => {
    expect(() => readComConfiguration(given, "box1")).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID", message: expect.stringContaining(message) }),
    );
  });
});
