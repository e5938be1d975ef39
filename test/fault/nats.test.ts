// Servers of NATS that are stopped, killed and emptied, and connections that are cut, while events and calls are under way.
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { connectNats } from "../../src/messaging/engines/nats/nats-engine.ts";
import { EventBus } from "../../src/messaging/event-bus.ts";
import { gather } from "../conformance/members.ts";
import { BOUND_MS } from "../support/bound.ts";
import { openGroup, ready } from "../support/bus-groups.ts";
import { startMember } from "../support/bus-peer.ts";
import { administer, startNats, startNatsCluster } from "../support/nats.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { startRelay } from "../support/relay.ts";
import { hasSmallDisks, startSmallDisk } from "../support/small-disk.ts";

leaveNoProcess();

const MEMBER = fileURLToPath(new URL("../fixtures/bus-member.mjs", import.meta.url));
const HOLDER = fileURLToPath(new URL("../fixtures/server-member.mjs", import.meta.url));

function connect(url: string, src = "test/bus/1") {
  const engine = connectNats({ address: { url }, src });
  const bus = new EventBus({ engine, src });
  return {
    ...{ engine, bus },
    /** Resolves when the engine says that all is well, or that it is not. */
    well: () => expect.poll(() => engine.trouble, { timeout: BOUND_MS }).toBeUndefined(),
    troubled: () => expect.poll(() => engine.trouble, { timeout: BOUND_MS }).toBeDefined(),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

/** Listens, and keeps what is different: when a server is killed, it may give again what was handled just before. */
async function listenTo({ bus }: ReturnType<typeof connect>) {
  const got = new Set<unknown>();
  await bus.listen("a.b", "g", ({ content }) => void got.add(content));
  return { got, until: (count: number) => expect.poll(() => got.size, { timeout: BOUND_MS }).toBe(count) };
}

describe("a server that is away", () => {
  test("at the start is waited for by what emits, listens, calls and serves", async () => {
    await using server = await startNats();
    await server.stop();
    await using shop = connect(server.url);
    const heard = gather<unknown>(1);
    const [listening, emitted] = [
      shop.bus.listen("a.b", "g", ({ content }) => heard.add(content)),
      shop.bus.emit("a.b", { content: 1 }),
    ];
    const serving = shop.bus.serve("math", { one: () => 1 });
    await server.start();
    await Promise.all([listening, serving]);

    expect(await emitted).toMatchObject({ stored: "file" });
    await heard.full;
    expect(await shop.bus.call("math.one")).toBe(1);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "after %s is waited for, and nothing confirmed is lost",
    async (signal) => {
      await using server = await startNats();
      await using shop = connect(server.url);
      await using billing = connect(server.url, "test/billing/1");
      const heard = await listenTo(billing);
      await Promise.all(Array.from({ length: 100 }, (_, content) => shop.bus.emit("a.b", { content })));

      await server.stop(signal);
      await Promise.all([shop.troubled(), billing.troubled()]);
      const waiting = Array.from({ length: 100 }, (_, i) => shop.bus.emit("a.b", { content: 100 + i }));
      await server.start();
      await Promise.all(waiting);
      await heard.until(200);
      await billing.well();

      expect(await shop.bus.operations.queues()).toMatchObject([{ event: "a.b", group: "g", members: 1 }]);
    },
  );

  test("takes no settlement along: what was handled meanwhile is not handled again", async () => {
    await using server = await startNats();
    await using shop = connect(server.url);
    const attempts: number[] = [];
    const [begun, release] = [deferred(), deferred()];
    await shop.bus.listen("a.b", "g", async ({ attempt }) => {
      attempts.push(attempt);
      begun.resolve();
      await release.promise;
    });
    await shop.bus.emit("a.b", { content: 1 });
    await begun.promise;
    await server.stop("SIGKILL");
    await shop.troubled();
    release.resolve();
    await server.start();
    await shop.well();

    await expect
      .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
      .toMatchObject([{ in_flight: 0, ready: 0 }]);
    expect(attempts).toEqual([1]);
  });

  test("is not waited for by what is closed", async () => {
    // A clock by which no time is ever over.
    let now = 0;
    const nowMs = () => {
      now -= 1e6;
      return now;
    };
    const engine = connectNats({ address: { url: `nats://127.0.0.1:${await freePort()}` }, src: "test/bus/1" }, nowMs);
    const listening = engine.listen({ name: "a.b", group: "g", prefetch: 1 }, () => {});
    const refused = expect(listening).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
    await engine.close();

    await refused;
  });

  test("and has lost all it had gets its streams and groups again", async () => {
    await using server = await startNats();
    await using shop = connect(`${server.url}?storage=memory`);
    const heard = await listenTo(shop);
    expect(await shop.bus.emit("a.b", { content: 1 })).toMatchObject({ stored: "memory", routed: true });
    await heard.until(1);
    await server.stop("SIGKILL");
    await shop.troubled();
    await server.start();
    await shop.well();
    await shop.bus.emit("a.b", { content: 2 });

    await heard.until(2);
  });
});

test("a connection that is cut is made again, and events flow", async () => {
  await using server = await startNats();
  await using relay = await startRelay(server.url);
  const url = relay.endpoint.replace("tcp:", "nats:");
  await using shop = connect(url);
  const heard = await listenTo(shop);
  await shop.bus.emit("a.b", { content: 1 });
  await relay.cut();
  await shop.troubled();
  const emitted = shop.bus.emit("a.b", { content: 2 });
  relay.mend();
  await emitted;
  await shop.bus.emit("a.b", { content: 3 });

  await heard.until(3);
});

describe("a server that is there and", () => {
  test("hangs is unwell, and is consumed from again", async () => {
    await using server = await startNats();
    await using shop = connect(server.url);
    const heard = await listenTo(shop);
    await shop.bus.emit("a.b", { content: 1 });
    server.signal("SIGSTOP");
    await shop.troubled();
    const waiting = shop.bus.emit("a.b", { content: 2 });
    // Until its connection is given up.
    await expect.poll(() => shop.engine.trouble, { timeout: BOUND_MS }).toMatch(/the connection .* is lost/);
    server.signal("SIGCONT");
    await waiting;
    await shop.well();
    await shop.bus.emit("a.b", { content: 3 });

    await heard.until(3);
  });

  // The server of 2.9 hangs then, and even SIGTERM does not end it; later ones turn JetStream off until they are started again.
  test.skipIf(!hasSmallDisks())(
    "has no room on its disk is unwell, says so to emitters, and has all that was confirmed once it has (skipped where unshare is not allowed)",
    async () => {
      await using disk = await startSmallDisk(8);
      await using server = await startNats({ place: disk.place, store: disk.path });
      await using shop = connect(server.url);
      await using billing = connect(server.url, "test/billing/1");
      const heard = new Set<number>();
      await billing.bus.listen("a.b", "g", ({ content }) => void heard.add((content as { n: number }).n));
      const filler = "x".repeat(1_000_000);
      // More than the disk has room for, and more than may wait.
      const emitted = Array.from({ length: 70 }, (_, n) => shop.bus.emit("a.b", { content: { n, filler } }));
      const ends = Promise.allSettled(emitted);
      await expect(emitted.at(-1)).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
      await expect.poll(() => shop.engine.trouble, { timeout: BOUND_MS }).toMatch(/JetStream|connection/);
      await server.stop("SIGKILL");
      disk.resize(200);
      await server.start();
      const confirmed = (await ends).flatMap(({ status }, n) => (status === "fulfilled" ? [n] : []));
      await Promise.all([shop.well(), billing.well()]);

      expect(confirmed.length).toBeGreaterThan(8);
      await expect.poll(() => confirmed.filter((n) => !heard.has(n)), { timeout: BOUND_MS }).toEqual([]);
    },
  );

  test("has its JetStream no more is unwell until it has it again", async () => {
    await using server = await startNats();
    await using bare = await startNats({ jetstream: false });
    await using relay = await startRelay(server.url);
    await using shop = connect(relay.endpoint.replace("tcp:", "nats:"));
    const heard = await listenTo(shop);
    await shop.bus.emit("a.b", { content: 1 });
    await relay.cut();
    relay.mend(bare.url);
    const waiting = shop.bus.emit("a.b", { content: 2 });
    await expect.poll(() => shop.engine.trouble, { timeout: BOUND_MS }).toMatch(/nobody answers for JetStream/);
    await relay.cut();
    relay.mend(server.url);
    await waiting;

    await heard.until(2);
    await shop.well();
  });
});

test("what a cluster has confirmed is there while one server after the other is killed", async () => {
  const servers = await startNatsCluster();
  try {
    const hosts = servers.map(({ port }) => `127.0.0.1:${port}`);
    await using shop = connect(`nats://${hosts.join(",")}?replicas=3`);
    const heard = await listenTo(shop);
    expect(await shop.bus.emit("a.b", { content: -1 })).toMatchObject({ stored: "replicated" });

    for (const [i, server] of servers.entries()) {
      await server.stop("SIGKILL");
      for (let n = 0; n < 5; n += 1) await shop.bus.emit("a.b", { content: 5 * i + n });
      await heard.until(1 + 5 * (i + 1));
      await server.start();
      await current(hosts[i] ?? "");
    }
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
});

/** Resolves when every server of the cluster has all of the stream. */
async function current(host: string): Promise<void> {
  const isCurrent = async () => {
    let peers: boolean[] = [];
    await administer(`nats://${host}`, async ({ streams }) => {
      const { cluster } = await streams.info("events_a");
      peers = (cluster?.replicas ?? []).map((peer) => peer.current && !peer.offline);
    }).catch(() => {});
    return peers;
  };
  await expect.poll(isCurrent, { timeout: BOUND_MS }).toEqual([true, true]);
}

test("a group that somebody deletes is made again, and gets what comes then", async () => {
  await using server = await startNats();
  await using shop = connect(server.url);
  const heard = await listenTo(shop);
  await administer(server.url, ({ consumers }) => consumers.delete("events_a", "b_g"));
  const isThere = async () => {
    const found = await administer(server.url, ({ consumers }) => consumers.info("events_a", "b_g")).catch(() => {});
    return found !== undefined;
  };
  await expect.poll(isThere, { timeout: BOUND_MS }).toBe(true);
  await shop.bus.emit("a.b", { content: 1 });

  await heard.until(1);
});

test("a queue that is full says so to the emitter, and takes more when it has room", async () => {
  await using server = await startNats();
  await administer(server.url, ({ streams }) =>
    streams.add({
      ...{ name: "events_a", subjects: ["events.a.*"], retention: "interest", discard: "new" },
      ...{ max_msgs_per_subject: 2, discard_new_per_subject: true },
    }),
  );
  await using shop = connect(server.url);
  const release = deferred();
  await shop.bus.listen("a.b", "g", () => release.promise);
  await shop.bus.emit("a.b", { content: 1 });
  await shop.bus.emit("a.b", { content: 2 });

  await expect(shop.bus.emit("a.b", { content: 3 })).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
  release.resolve();
  await expect
    .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
    .toMatchObject([{ in_flight: 0, ready: 0 }]);
  await shop.bus.emit("a.b", { content: 4 });
});

describe("processes on a server", () => {
  test("handle each event in each group while the server and members are killed", async () => {
    await using server = await startNats();
    const bus = { startMember: (...words: string[]) => startMember(MEMBER, { url: server.url, token: "" }, words) };
    const groups = [openGroup(bus, "a", 2), openGroup(bus, "b", 2)];
    await Promise.all(groups.flatMap(({ members }) => members.map(ready)));
    const emitters = [bus.startMember("emit", "0", "2000"), bus.startMember("emit", "2000", "4000")];

    for (let round = 1; round <= 4; round += 1) {
      const group = groups[round % 2] as (typeof groups)[0];
      await group.until(round * 700);
      if (round % 2 === 0) await group.replace(round % 2);
      else {
        await server.stop("SIGKILL");
        await server.start();
      }
    }
    const ends = await Promise.all(emitters.map(({ exited }) => exited));
    await Promise.all(groups.map(({ until }) => until(4_000)));

    expect(ends).toEqual([0, 0]);
    await using shop = connect(server.url);
    await expect
      .poll(() => shop.bus.operations.queues(), { timeout: BOUND_MS })
      .toMatchObject(Array(2).fill({ ready: 0, in_flight: 0, delayed: 0, dead: 0 }));
    await Promise.all(groups.flatMap(({ members }) => members).map((member) => member[Symbol.asyncDispose]()));
  });

  test("that are killed or halted lose their events to another member, and hear for how long they were", async () => {
    await using server = await startNats();
    await using shop = connect(server.url);
    const holding = (process: string) => startMember(HOLDER, { url: server.url, token: "" }, ["hold", "g", process]);
    await using killed = holding("killed");
    await using halted = holding("halted");
    await Promise.all([killed, halted].map(ready));
    const call = shop.bus.call("killed.take", "hang", { timeoutMs: BOUND_MS });
    const failed = expect(call).rejects.toMatchObject({ code: "ERR_SERVICE_LOST", executed: "unknown" });
    await killed.said.first((line) => Array.isArray(line) && line[0] === "took");
    // Each has one at a time.
    for (const content of [1, 2]) await shop.bus.emit("numbers.counted", { content });
    for (const member of [killed, halted])
      await member.said.first((line) => Array.isArray(line) && line[0] === "begun");
    const again = gather<unknown>(2);
    await shop.bus.listen("numbers.counted", "g", ({ attempt }) => again.add(attempt));
    killed.signal("SIGKILL");
    halted.signal("SIGSTOP");
    await Promise.all([again.full, failed]);
    halted.signal("SIGCONT");

    expect(again.got).toEqual([2, 2]);
    const [, reason] = (await halted.said.first((line) => Array.isArray(line) && line[0] === "taken")) as string[];
    expect(reason).toMatch(
      /^engine nats: the event loop was blocked for \d+\.\d s: its events are given to other members$/,
    );
  });
});
