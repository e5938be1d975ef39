import { expect, test } from "vitest";
import { addressOf, hostOf, isBind, isEndpoint, isIpv6, isLoopback } from "../../../src/protocol/endpoints.ts";

test.each([
  ["tcp://127.0.0.1:5556", "tcp://127.0.0.1:5556"],
  ["tcp://localhost:*", "tcp://127.0.0.1:*"],
  ["tcp://LocalHost:5556", "tcp://127.0.0.1:5556"],
  ["tcp://127.1:5556", "tcp://127.0.0.1:5556"],
  ["tcp://[0:0:0:0:0:0:0:1]:5556", "tcp://[::1]:5556"],
  ["tcp://[fe80::1%eth0]:5556", "tcp://[fe80::1%eth0]:5556"],
  ["tcp://robot_7.example:5556", "tcp://robot_7.example:5556"],
  ["tcp://*:5556", "tcp://*:5556"],
])("%s is given to a socket as %s", (endpoint, address) => {
  expect(addressOf(endpoint)).toBe(address);
});

test.each(["127.0.0.1", "127.0.0.2", "127.1", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]"])(
  "%s is this machine only",
  (host) => expect(isLoopback(host)).toBe(true),
);

test.each(["*", "0.0.0.0", "[::]", "192.0.2.1", "localhost.example", "127.0.0.1.example", "[fe80::1%lo]"])(
  "%s can be reached from elsewhere",
  (host) => expect(isLoopback(host)).toBe(false),
);

test("digits that are no address are no host of an endpoint", () => {
  expect([isEndpoint("tcp://127.0.0.256:5556"), isBind("tcp://1.2.3.4.5:5556")]).toEqual([false, false]);
  expect(isEndpoint("tcp://127.0.0.255:5556")).toBe(true);
});

test("an address of IPv6 stands in brackets", () => {
  expect([isIpv6("tcp://[::1]:5556"), isIpv6("tcp://127.0.0.1:5556")]).toEqual([true, false]);
  expect(hostOf("tcp://[::1]:*")).toBe("[::1]");
});
