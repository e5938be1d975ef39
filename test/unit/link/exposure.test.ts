import { describe, expect, test } from "vitest";
import { loopbackOnly, missingIpv6, narrowToLoopback } from "../../../src/link/exposure.ts";
import type { Endpoints } from "../../../src/protocol/endpoints.ts";

function both(publish: string, subscribe: string): Endpoints {
  return { publish: `tcp://${publish}`, subscribe: `tcp://${subscribe}` };
}

describe("the binds of a context file", () => {
  test("are on the address that the endpoint names, where they are open to all", () => {
    const open = { binds: both("*:1", "*:2"), endpoints: both("[::1]:1", "localhost:2") };

    expect(narrowToLoopback(open)).toEqual({
      binds: both("[::1]:1", "127.0.0.1:2"),
      endpoints: both("[::1]:1", "127.0.0.1:2"),
      warnings: [
        "FrontBind tcp://*:1 is bound to this machine only, as tcp://[::1]:1",
        "BackendBind tcp://*:2 is bound to this machine only, as tcp://127.0.0.1:2",
      ],
    });
  });

  test("of this machine are bound as they are, without a warning", () => {
    const own = { binds: both("localhost:*", "[0:0:0:0:0:0:0:1]:*"), endpoints: both("127.0.0.1:*", "[::1]:*") };

    expect(narrowToLoopback(own)).toEqual({
      binds: both("127.0.0.1:*", "[::1]:*"),
      endpoints: both("127.0.0.1:*", "[::1]:*"),
      warnings: [],
    });
  });

  test.each([
    ["BackendEndpoint tcp://192.0.2.1:1", { binds: both("*:1", "*:2"), endpoints: both("192.0.2.1:1", "127.0.0.1:2") }],
    ["FrontEndEndpoint tcp://[::]:2", { binds: both("*:1", "*:2"), endpoints: both("127.0.0.1:1", "[::]:2") }],
    ["BackendBind tcp://0.0.0.0:2", { binds: both("*:1", "0.0.0.0:2"), endpoints: both("[::1]:1", "[::1]:2") }],
  ])("are refused with %s", (what, config) => {
    expect(() => narrowToLoopback(config)).toThrow(
      expect.objectContaining({ code: "ERR_ENDPOINT_PUBLIC", message: expect.stringContaining(what) }),
    );
  });
});

test("a publisher that is open to all is bound to 127.0.0.1", () => {
  expect(loopbackOnly("publisher endpoint", "tcp://*:5560")).toBe("tcp://127.0.0.1:5560");
  expect(loopbackOnly("publisher endpoint", "tcp://[::1]:5560")).toBe("tcp://[::1]:5560");
});

test("an address of IPv6 that can't be bound is blamed on a machine without IPv6, and nothing else is", () => {
  const unavailable = { code: "EADDRNOTAVAIL" };

  expect(missingIpv6("tcp://[::1]:1", unavailable)).toContain("no IPv6");
  expect(missingIpv6("tcp://127.0.0.1:1", unavailable)).toBeUndefined();
  expect(missingIpv6("tcp://[::1]:1", { code: "EADDRINUSE" })).toBeUndefined();
});
