import { expect, test } from "vitest";
import { deferred } from "../../../src/deferred.ts";
import { createStarvation } from "../../../src/messaging/engines/rabbitmq/events/starvation.ts";
import { faultOf, versionFault } from "../../../src/messaging/engines/rabbitmq/server/faults.ts";
import { createPulse } from "../../../src/messaging/engines/rabbitmq/server/pulse.ts";
import { toPublish } from "../../../src/messaging/engines/rabbitmq/server/to-publish.ts";
import { placesOfDelay } from "../../../src/messaging/engines/rabbitmq/server/topology.ts";

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
  ["SELF_SIGNED_CERT_IN_CHAIN", "name that by ZCONTEXT_BUS_CA_FILE"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "for another name"],
])("a certificate error says what to do: %s", (code, what) => {
  const fault = faultOf(Object.assign(new Error("tls"), { code }), { url: "amqps://mq:5671" });

  expect(fault).toMatchObject({ code: "ERR_ENGINE_REFUSED", message: expect.stringContaining(what) });
});

test("a server that owes an answer for five seconds is taken for one that hangs, until it answers or is gone", async () => {
  let nowMs = 0;
  let answer = deferred();
  const pulse = createPulse(
    () => {
      answer = deferred();
      return answer.promise;
    },
    () => nowMs,
  );
  const troubleAfter = (ms: number) => {
    nowMs += ms;
    pulse.beat();
    return pulse.trouble;
  };

  expect([troubleAfter(0), troubleAfter(4_000)]).toEqual([undefined, undefined]);
  expect(troubleAfter(1_000)).toBe("engine rabbitmq: the server has not answered for 5 s");
  answer.reject(new Error("it refuses"));
  await Promise.allSettled([answer.promise]);
  expect([troubleAfter(0), troubleAfter(5_000)]).toEqual([undefined, expect.stringContaining("5 s")]);
  pulse.lose();
  expect(pulse.trouble).toBeUndefined();
});

test("a consumer is made again after two looks in which it gets nothing that it should", () => {
  const why = createStarvation();
  const seen = { messageCount: 0, consumerCount: 1, taken: 3, hasRoom: true };

  expect([why(seen), why(seen), why(seen)]).toEqual([undefined, undefined, undefined]);
  expect([why({ ...seen, messageCount: 7 }), why({ ...seen, messageCount: 7 })]).toEqual([
    undefined,
    "it gives none of 7 events",
  ]);
  expect([why({ ...seen, messageCount: 7, hasRoom: false }), why({ ...seen, messageCount: 7, taken: 4 })]).toEqual([
    undefined,
    undefined,
  ]);
  expect([why({ ...seen, consumerCount: 0 }), why({ ...seen, consumerCount: 0 })]).toEqual([
    undefined,
    "the server knows no consumer of it",
  ]);
});

test("a message has its own headers and properties, whatever was published before it", () => {
  const first = { headers: { zc: "1", "zc-attempt": 2 }, messageId: "a" };
  const second = { headers: { zc: "2" }, replyTo: "b" };

  const given = [first, second, {}].map((properties) =>
    structuredClone(toPublish(properties, { persistent: true, n: "7" })),
  );

  const common = { persistent: true, mandatory: true, correlationId: "7" };
  expect(given).toEqual([{ ...common, ...first }, { ...common, ...second }, common]);
  expect(toPublish({}, { persistent: false, n: undefined })).toEqual({ persistent: false, mandatory: false });
  expect(first.headers).toEqual({ zc: "1", "zc-attempt": 2 });
});
