import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { CONSUMERS, PRODUCERS } from "../../src/streams/index.ts";
import { gather } from "../conformance/members.ts";
import { type MockKafka, startKafka } from "../support/kafka.ts";
import { awaitEvents } from "../support/recording.ts";

const HOLDS = fileURLToPath(new URL("../fixtures/streams/holds.mjs", import.meta.url));

let kafka: MockKafka;
beforeAll(async () => {
  kafka = await startKafka();
});
afterAll(() => kafka[Symbol.asyncDispose]());

/** A member of the group of a queue. */
function connect(queue: string, options: object = {}) {
  const { host } = kafka;
  return {
    producer: new PRODUCERS.KafkaHandler(queue, { host }),
    consumer: new CONSUMERS.KafkaHandler(queue, { host, onError() {}, ...options }),
    async [Symbol.asyncDispose]() {
      await Promise.all([this.producer.close(), this.consumer.close()]);
    },
  };
}

test("what is sent once a consumer is there arrives, and messages of a key keep their order", async () => {
  await using all = connect("in_order");
  const { got, full, add } = gather<{ key: string; number: number }>(40);
  await all.consumer((number, { key = "" }) => add({ key, number }));

  for (let number = 0; number < 40; number += 1) await all.producer.send(number, { key: `k${number % 4}` });
  await full;

  for (const key of ["k0", "k1", "k2", "k3"]) {
    const numbers = got.filter((one) => one.key === key).map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers).toHaveLength(10);
  }
});

test("a consumer of one key passes over the others", async () => {
  await using all = connect("by_key");
  const { got, full, add } = gather<number>(2);
  await all.consumer({ key: "mine" })(add);

  for (const number of [1, 2, 3, 4]) await all.producer.send(number, { key: number % 2 === 0 ? "mine" : "other" });
  await full;

  expect(got).toEqual([2, 4]);
});

test("a message that can't be handled goes to the dead ones after six attempts, and the next one comes", async () => {
  await using all = connect("poisoned");
  await using dead = connect("poisoned.dead");
  const attempts: number[] = [];
  const { full, add } = gather<unknown>(2);
  await Promise.all([
    dead.consumer(add),
    all.consumer((message, { attempt }) => {
      if (message === "good") return add(message);
      attempts.push(attempt);
      throw new Error("no");
    }),
  ]);

  for (const message of ["bad", "good"]) await all.producer.send(message, { key: "k" });
  await full;

  expect(attempts).toEqual([1, 2, 3, 4, 5, 6]);
});

test("what a consumer has not handled when it leaves is given to another one", async () => {
  await using first = connect("handed_on", { sessionTimeoutMs: 6_000 });
  // The mock cluster lets a group wait so long for a member that has left.
  await using second = connect("handed_on", { sessionTimeoutMs: 6_000 });
  const begun = deferred();
  await first.consumer(async (_, { signal }) => {
    begun.resolve();
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await first.producer.send("message", { key: "k" });
  await begun.promise;

  const { got, full, add } = gather<unknown>(1);
  await first.consumer.close({ graceMs: 1 });
  await second.consumer(add);
  await full;

  expect(got).toEqual(["message"]);
});

test("a group is balanced anew when a consumer is killed: another one gets what it had", async () => {
  const options = { sessionTimeoutMs: 6_000 };
  const { host } = kafka;
  const words = ["KafkaHandler", "orphaned", JSON.stringify(options)];
  const killed = spawn(process.execPath, [HOLDS, ...words], {
    env: { ...process.env, KAFKA_HOST: host },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = awaitEvents<string>("what it says", (line) => line);
  createInterface({ input: killed.stdout }).on("line", lines.add).on("close", lines.end);
  await lines.first((line) => line === "consuming");
  await using survivor = connect("orphaned", options);
  await survivor.producer.send("held", { key: "k" });
  await lines.first((line) => line === '"held"');
  const { got, full, add } = gather<unknown>(2);
  const joined = survivor.consumer(add);

  killed.kill("SIGKILL");
  await joined;
  await survivor.producer.send("next", { key: "k" });
  await full;

  expect(got).toEqual(["held", "next"]);
});

test("a broker that is away is told", async () => {
  await using producer = new PRODUCERS.KafkaHandler("away", { host: "127.0.0.1:1" });

  await expect(producer.init()).rejects.toMatchObject({
    ...{ code: "ERR_ENGINE_UNREACHABLE", message: expect.stringContaining("127.0.0.1:1") },
  });
});
