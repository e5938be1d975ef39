// What a member says again after its connection was lost, seen at the channel.
import { expect, test } from "vitest";
import { type ChannelEvents, createClient } from "../../../src/messaging/embedded/client/client.ts";
import type { Batch, FromBroker, ToBroker } from "../../../src/messaging/embedded/operations.ts";

const ENVELOPE = { id: "1", src: "a/b/c", sent: 1, session_id: "1", traceparent: "" };

/** A member whose broker is played by the test. */
function member() {
  const said: ToBroker[] = [];
  let events: ChannelEvents | undefined;
  const client = createClient({
    ...{ name: "test", src: "a/b/c", token: "t" },
    openChannel(_, given) {
      events = given;
      return {
        send: ({ items }: Batch<ToBroker>) => void said.push(...items.map(({ operation }) => operation)),
        async close() {},
      };
    },
    signals: {
      publish() {},
      subscribe: () => Promise.reject(new Error("none")),
      tap: () => Promise.reject(new Error("none")),
      signalFigures: () => ({ published: [], heard: [] }),
      async close() {},
    },
  });
  const hear = (operation: FromBroker) =>
    events?.onBatch({ number: 1, done: 0, items: [{ operation, body: Buffer.from(JSON.stringify(ENVELOPE)) }] });
  return {
    client,
    up() {
      events?.onUp();
      hear({ op: "welcome", protocol: 1, stored: "file" });
    },
    down: () => events?.onDown(),
    hear,
    /** A call whose envelope is no JSON. */
    hearMalformed(operation: FromBroker) {
      events?.onBatch({ number: 1, done: 0, items: [{ operation, body: Buffer.from("{{{{null") }] });
    },
    said,
    calls: () => said.filter(({ op }) => op === "call"),
    taps: () => said.flatMap((operation) => (operation.op === "tap" ? [operation.n] : [])),
    call: (isIdempotent: boolean) =>
      client.call(
        { ...{ service: "s", method: "m", envelope: ENVELOPE, body: Buffer.alloc(0), budgetMs: 9 }, isIdempotent },
        new AbortController().signal,
      ),
  };
}

/** Batches go out at the end of a turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test.each(["down", "lost"] as const)(
  "a call that was sent is never sent again after the member was %s",
  async (how) => {
    const { client, up, down, hear, calls, call } = member();
    const answer = call(false); // before there is a broker
    up();
    await turn();

    if (how === "down") {
      down();
      up();
    } else {
      hear({ op: "lost", silentMs: 30_000 });
      hear({ op: "welcome", protocol: 1, stored: "file" });
    }
    await turn();

    expect(await answer).toMatchObject({ failure: { code: "ERR_ENGINE_UNREACHABLE", executed: "unknown" } });
    expect(calls()).toHaveLength(1);
    await client.close();
  },
);

test("an idempotent call is sent to the next broker, and one that was not sent is sent once", async () => {
  const { client, up, down, calls, call } = member();
  up();
  const idempotent = call(true);
  await turn();
  down();
  const late = call(false);
  up();
  await turn();

  expect(calls()).toHaveLength(3);
  await client.close();
  await Promise.all([idempotent, late]);
});

test("a tap hears of the next broker once that copies to it, and before the first copy", async () => {
  const { client, up, down, hear, taps } = member();
  const heard: string[] = [];
  const head = JSON.stringify(ENVELOPE).length;
  const copy = (name: string) => hear({ op: "tapped", kind: "event", name, head, size: head });
  up();
  const tap = client.operations.tap(
    { events: ["*"], calls: [], signals: [] },
    { onMessage: ({ name }) => void heard.push(name), onMissed: (copies) => void heard.push(`missed ${copies}`) },
  );
  await turn();
  hear({ op: "done", n: taps()[0] as number });
  await tap;

  down();
  up();
  await turn();
  expect(heard).toEqual([]);
  hear({ op: "done", n: taps()[1] as number });
  copy("a.b");
  await turn();

  expect(heard).toEqual(["missed undefined", "a.b"]);
  await client.close();
});

test.each([true, false])(
  "a call without a readable envelope (idempotent: %s) fails, and ends nothing",
  async (isIdempotent) => {
    const { client, up, hearMalformed, said } = member();
    up();
    void client.serve("s", ["m"], (call) => ({ result: Buffer.from(call.envelope.id) })).catch(() => {});
    await turn();

    hearMalformed({ op: "request", c: 7, service: "s", method: "m", budgetMs: 9, head: 4, size: 8, isIdempotent });
    await turn();

    expect(said).toContainEqual(expect.objectContaining({ op: "fault", c: 7 }));
    await client.close();
  },
);
