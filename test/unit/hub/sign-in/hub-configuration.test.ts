import { describe, expect, test } from "vitest";
import { readHubConfiguration } from "../../../../src/hub/sign-in/hub-configuration.ts";

const GIVEN = { url: "https://hub.example.org:8090", hub_key: "hub.pem", credentials_file: "box1.credentials" };

describe("the configuration of Hub", () => {
  test("has defaults, and its URL is a folder", () => {
    expect(readHubConfiguration({ ...GIVEN, tags: "greenhouse, test" })).toEqual({
      url: new URL("https://hub.example.org:8090/"),
      keyFile: "hub.pem",
      credentialsFile: "box1.credentials",
      tags: ["greenhouse", "test"],
      periodMs: 3_600_000,
    });
    expect(readHubConfiguration({ ...GIVEN, url: "https://a/b" }).url.href).toBe("https://a/b/");
  });

  test.each([
    [{ url: "" }, "<url>: expected https://host:port, got none"],
    [{ url: "mqtt://a" }, "<url>: expected https://host:port, got mqtt://a"],
    [{ hub_key: "" }, "<hub_key>"],
    [{ credentials_file: "" }, "<credentials_file>"],
    [{ period_s: "0" }, "<period_s>: expected 1 to 86400, got 0"],
    [{ hubkey: "a" }, 'did you mean "hub_key"'],
  ])("is refused with %j", (change, message) => {
    expect(() => readHubConfiguration({ ...GIVEN, ...change })).toThrow(
      expect.objectContaining({ code: "ERR_CONFIG_INVALID", message: expect.stringContaining(message) }),
    );
  });

  test("is refused with credentials in its URL, which stand in no error", () => {
    expect(() => readHubConfiguration({ ...GIVEN, url: "https://ada:lovelace@a" })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("lovelace") }),
    );
  });
});
