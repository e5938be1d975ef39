import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Subscriber, XPublisher } from "zeromq";
import { startForwarder } from "../../src/companions/forwarder.ts";
import { deferred } from "../../src/deferred.ts";
import { ZcontextError } from "../../src/errors.ts";
import { HIGH_WATER_MARK } from "../../src/link/limits.ts";
import type { HeardCounts, Signal } from "../../src/messaging/contract/engine.ts";
import type { Signals } from "../../src/messaging/embedded/client/client.ts";
import { createSignals } from "../../src/messaging/engines/zeromq/signals.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { BOUND_MS } from "../support/bound.ts";
import { ANY_PORT } from "../support/link.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const LISTENER = fileURLToPath(new URL("../fixtures/hears-signals.mjs", import.meta.url));

/** A subscriber in a process of its own, and the counts that it prints. */
async function startListener({ publish, subscribe }: Endpoints, topic: string, queue?: string) {
  const words = [publish, subscribe, topic, ...(queue === undefined ? [] : [queue])];
  const child: ChildProcess = spawn(process.execPath, [LISTENER, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = awaitEvents<string>("lines of a listener", String);
  if (child.stdout !== null) createInterface(child.stdout).on("line", lines.add);
  await lines.first((line) => line === "listening");
  return {
    signal: (name: NodeJS.Signals) => child.kill(name),
    /** Resolves with the counts once they make so many. */
    async countsOf(count: number): Promise<HeardCounts> {
      const isAll = (line: string) => sumOf(line) === count;
      const line = await lines.first(isAll, { what: `received and lost to be ${count}` });
      return JSON.parse(line)[0];
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function sumOf(line: string): number {
  if (!line.startsWith("[")) return -1;
  const all: HeardCounts[] = JSON.parse(line);
  return all.reduce((sum, { received, lost }) => sum + received + lost, 0);
}

let ids = 0;
function signalOf(topic: string, content: unknown): Signal {
  ids += 1;
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  const envelope = { id: `${ids}`, src: "c/talker/1", sent: Date.now(), session_id: `${ids}`, traceparent };
  return { topic, envelope, body: JSON.stringify(content), attachments: [] };
}

/** Publishes so many, waiting whenever the publisher says that it is overloaded. */
async function publishMany(signals: Signals, topic: string, count: number): Promise<void> {
  for (let published = 0; published < count; ) {
    try {
      signals.publish(signalOf(topic, published));
      published += 1;
      if (published % 200 === 0) await nextTurn();
    } catch (error) {
      if (!(error instanceof ZcontextError) || error.code !== "ERR_OVERLOADED") throw error;
      await nextTurn();
    }
  }
}

test("a subscriber that was halted knows exactly what it has lost, also of a publisher that has left", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await startListener(forwarder.bound, "readings");
  const publisher = createSignals({ endpoints: forwarder.bound, src: "c/talker/1" });

  await publishMany(publisher, "readings", 100);
  await listener.countsOf(100);
  listener.signal("SIGSTOP");
  await publishMany(publisher, "readings", 100_000);
  await publisher.close();
  listener.signal("SIGCONT");

  const { received, lost } = await listener.countsOf(100_100);
  expect(received).toBeGreaterThan(100);
  expect(lost).toBeGreaterThan(0);
  expect(received + lost).toBe(100_100);
});

test("the signals of a subscriber that was killed go to the others of its queue", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const listener = await startListener(forwarder.bound, "jobs", "q");
  const signals = createSignals({ endpoints: forwarder.bound, src: "c/talker/1" });
  let handled = 0;
  await signals.subscribe("jobs", "q", () => {
    handled += 1;
  });
  const shareOf100 = async () => {
    const [before, { heard }] = [handled, signals.signalFigures()];
    const received = heard[0]?.received ?? 0;
    await publishMany(signals, "jobs", 100);
    await expect.poll(() => signals.signalFigures().heard[0]?.received, { timeout: BOUND_MS }).toBe(received + 100);
    return handled - before;
  };

  expect(await shareOf100()).toBeLessThan(100);
  await listener[Symbol.asyncDispose]();

  await expect.poll(shareOf100, { timeout: BOUND_MS, interval: 500 }).toBe(100);
  await signals.close();
});

test("a publisher that can't be relieved refuses what is beyond its bound, and numbers nothing of it", async () => {
  const endpoints = deferred<Endpoints>();
  const signals = createSignals({ endpoints: endpoints.promise, src: "c/talker/1" });
  let refused = 0;
  for (let index = 0; index < HIGH_WATER_MARK + 50; index += 1) {
    try {
      signals.publish(signalOf("readings", index));
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_OVERLOADED" });
      refused += 1;
    }
  }
  expect(signals.signalFigures().published).toEqual([{ topic: "readings", published: HIGH_WATER_MARK + 50 - refused }]);
  expect(refused).toBeGreaterThanOrEqual(50);

  // What was accepted goes out once the endpoints are known.
  await using forwarder = await startForwarder(ANY_PORT);
  await using listener = await startListener(forwarder.bound, "readings");
  endpoints.resolve(forwarder.bound);
  const { lost } = await listener.countsOf(HIGH_WATER_MARK + 50 - refused);
  await signals.close();

  expect(lost).toBe(0);
});

test("an old client hears a signal as one frame with what it expects, and is heard without a header", async () => {
  await using forwarder = await startForwarder(ANY_PORT);
  const header = { service_id: "ts1", service_name: "thermometer", service_transaction: "T1" };
  const signals = createSignals({ endpoints: forwarder.bound, src: "c/thermometer/ts1", header });
  const [listener, talker] = [new Subscriber({ linger: 0 }), new XPublisher({ linger: 0 })];
  listener.connect(forwarder.bound.subscribe);
  listener.subscribe("readings");
  talker.connect(forwarder.bound.publish);
  await talker.receive();
  const heard = deferred<Signal>();
  await signals.subscribe("replies", undefined, heard.resolve);

  // Subscriptions arrive in order; that of this listener may be under way still.
  const talking = setInterval(() => signals.publish(signalOf("readings", { celsius: 21.5 })), 10);
  const frames = await listener.receive();
  clearInterval(talking);
  await talker.send('replies @@@ {"celsius": 22}');

  const [topic, json = ""] = frames.map(String).join("").split(" @@@ ");
  expect(frames).toHaveLength(1);
  expect(topic).toBe("readings");
  expect(JSON.parse(json)).toMatchObject({ content: { celsius: 21.5 }, header: { ...header, action: "published" } });
  expect(JSON.parse((await heard.promise).body)).toEqual({ celsius: 22 });
  expect(signals.signalFigures().heard).toEqual([]);
  listener.close();
  talker.close();
  await signals.close();
});
