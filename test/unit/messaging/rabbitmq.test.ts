import { expect, test } from "vitest";
import { faultOf, versionFault } from "../../../src/messaging/engines/rabbitmq/faults.ts";
import { placesOfDelay } from "../../../src/messaging/engines/rabbitmq/topology.ts";

test("a delay is never shorter than what was asked for, and longer by a fifth at most", () => {
  const wrong = Array.from({ length: 5_000 }, (_, index) => 100 + index * index).filter((asked) => {
    const { "x-message-ttl": ms } = placesOfDelay(asked).delayed.options.arguments;
    return !(Number(ms) >= asked && Number(ms) <= asked * 1.21);
  });

  expect(wrong).toEqual([]);
});

test("delays share few queues", () => {
  const names = Array.from({ length: 60_000 }, (_, ms) => placesOfDelay(100 + ms).exchange);

  expect(new Set(names).size).toBeLessThan(40);
});

test.each([
  ["RabbitMQ", "3.9.13", true],
  ["RabbitMQ", "3.10.8", false],
  ["RabbitMQ", "4.1.0", false],
  ["LavinMQ", "4.0.0", true],
])("%s %s is refused: %s", (product, version, isRefused) => {
  const fault = versionFault({ product, version }, "amqp://mq:5672");

  expect(fault?.code).toBe(isRefused ? "ERR_ENGINE_UNFIT" : undefined);
});

test.each([
  ["CERT_HAS_EXPIRED", "has expired"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "give it as ca"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "for another name"],
])("a certificate error says what to do: %s", (code, what) => {
  const fault = faultOf(Object.assign(new Error("tls"), { code }), { url: "amqps://mq:5671" });

  expect(fault).toMatchObject({ code: "ERR_ENGINE_REFUSED", message: expect.stringContaining(what) });
});
