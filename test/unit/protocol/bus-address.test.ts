import { describe, expect, test } from "vitest";
import type { ZcontextError } from "../../../src/errors.ts";
import { exposureOf, readBusUrl, readStoreUrl, withoutLogin } from "../../../src/protocol/bus-address.ts";

const OPEN = { isEncrypted: false, isLocal: false, isInsecure: false };

test.each([
  ["nats://127.0.0.1:4222", { engine: "nats", url: "nats://127.0.0.1:4222", isLocal: true }],
  ["NATS://localhost", { engine: "nats", url: "nats://localhost", isLocal: true }],
  ["nats://10.0.0.1:4222,[::1]:4222", { engine: "nats", url: "nats://10.0.0.1:4222,[::1]:4222", isLocal: false }],
  ["tls+nats://bus.example.org/", { engine: "nats", url: "tls+nats://bus.example.org", isEncrypted: true }],
  ["amqp://mq/%2Forders", { engine: "rabbitmq", url: "amqp://mq/%2Forders", isEncrypted: false }],
  ["amqps://mq:5671?insecure=true", { engine: "rabbitmq", url: "amqps://mq:5671", isInsecure: true }],
  ["nats://a?replicas=3&insecure=true", { engine: "nats", url: "nats://a?replicas=3", isInsecure: true }],
  ["ipc:///run/zcontext/broker", { engine: "zeromq", url: "ipc:///run/zcontext/broker" }],
])("%s names an engine", (text, read) => {
  expect(readBusUrl(text)).toMatchObject(read);
});

test("name and password are taken out of a URL and decoded", () => {
  expect(readBusUrl("amqp://sh%40p:p%2Fss%3A@mq/orders")).toMatchObject({
    url: "amqp://mq/orders",
    login: { user: "sh@p", pass: "p/ss:" },
  });
  expect(readStoreUrl("redis://:secret@cache:6379/2")).toMatchObject({
    url: "redis://cache:6379/2",
    login: { user: "", pass: "secret" },
  });
});

test("for NATS one word before the @ is a token", () => {
  expect(readBusUrl("nats://secret@bus:4222")).toMatchObject({ url: "nats://bus:4222", login: { token: "secret" } });
});

test("a scheme that no engine has is refused with those that are known", () => {
  expect(refusal("natss://user:secret@bus")).toEqual([
    "ERR_ENGINE_MISSING",
    'no engine has the URL natss://bus; did you mean "nats"?',
    "Known are ipc://, tcp://, nats://, tls+nats://, amqp://, amqps://.",
  ]);
  expect(refusal("constructor://bus")[0]).toBe("ERR_ENGINE_MISSING");
  expect(() => readStoreUrl("memcached://cache")).toThrow("no claim store has the URL memcached://cache");
});

describe("what is no URL of a server is refused, and never quoted with its secrets:", () => {
  test.each([
    ["nats://", "nats://: expected nats://host:port"],
    ["nats://bus:0", "nats://bus:0: expected nats://host:port"],
    ["nats://bus:70000", "nats://bus:70000: expected nats://host:port"],
    ["nats://one,,two", "nats://one,,two: expected nats://host:port"],
    ["nats://us:secret@", "nats://: expected nats://host:port"],
    ["nats://us:sec/ret@bus/path", "nats://bus/path: expected no path behind the host"],
    ["amqp://us:secret@mq/one/two", "amqp://mq/one/two: expected one word for the virtual host behind the host"],
    ["amqp://mq?password=secret", "amqp://mq: expected no parameter but insecure=true"],
    ["amqp://mq?replicas=3", "amqp://mq: expected no parameter but insecure=true"],
    ["nats://bus?replicas=9", "nats://bus: expected storage=memory, replicas=3 or insecure=true"],
    ["amqp://secret@mq", "amqp://mq: expected a name and a password, user:password@host"],
    ["amqp://us:100%secret@mq", "amqp://mq: expected a name and a password in which % begins a sign, such as %40"],
  ])("%s", (text, message) => {
    expect(refusal(text).slice(0, 2)).toEqual(["ERR_USAGE", message]);
    expect(refusal(text).join()).not.toMatch(/secret|sec\/ret/);
  });
});

test("nothing of a login or a parameter is left of a URL that is printed", () => {
  expect(withoutLogin("nats://us:p@ss@bus:4222/x?token=1")).toBe("nats://bus:4222/x");
  expect(withoutLogin("us:pass@bus")).toBe("bus");
});

test("credentials travel unencrypted to another machine only where the URL says so", () => {
  expect(exposureOf({ ...URL_OF, ...OPEN }, true)).toBe("refused");
  expect(exposureOf({ ...URL_OF, ...OPEN }, false)).toBe("open");
  for (const way of ["isEncrypted", "isLocal", "isInsecure"] as const)
    expect(exposureOf({ ...URL_OF, ...OPEN, [way]: true }, true)).toBeUndefined();
});

const URL_OF = { url: "nats://bus", login: undefined };

function refusal(text: string): [string, string, string | undefined] {
  try {
    readBusUrl(text);
  } catch (error) {
    const { code, message, hint } = error as ZcontextError;
    return [code, message, hint];
  }
  throw new Error("expected a refusal");
}
