import { describe, expect, test } from "vitest";
import { formatAddress, isPrivate, readAddress } from "../../../src/http/address.ts";

const without = { hasToken: false };

describe("the address of the dashboard", () => {
  test.each([
    ["8080", { host: "127.0.0.1", port: 8080 }],
    ["0", { host: "127.0.0.1", port: 0 }],
    ["127.0.0.1:*", { host: "127.0.0.1", port: 0 }],
    ["localhost:9090", { host: "localhost", port: 9090 }],
    ["[::1]:9090", { host: "::1", port: 9090 }],
  ])("%s is one of this machine", (text, address) => {
    expect(readAddress(text, without)).toEqual(address);
    expect(isPrivate(address)).toBe(true);
  });

  test.each(["", "host", "127.0.0.1", "127.0.0.1:70000", ":8080", "127.0.0.1:8080/x", "::1:80"])(
    "%j is none",
    (text) => {
      expect(() => readAddress(text, without)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
    },
  );

  test.each(["0.0.0.0:80", "*:80", "192.168.1.5:80", "[::]:80", "factory.example:80"])(
    "%s is for others as well, and needs a token",
    (text) => {
      expect(() => readAddress(text, without)).toThrow(expect.objectContaining({ code: "ERR_ENDPOINT_PUBLIC" }));
      expect(isPrivate(readAddress(text, { hasToken: true }))).toBe(false);
    },
  );

  test("stands in a URL with the brackets of an IPv6 address", () => {
    expect(formatAddress({ host: "::1", port: 80 })).toBe("[::1]:80");
    expect(formatAddress({ host: "127.0.0.1", port: 80 })).toBe("127.0.0.1:80");
  });
});
