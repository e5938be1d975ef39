// Entry of the broker process, a child of the provider: a socket before the broker, its store behind it, and a pipe to the
// provider, which tells what becomes of services and hears the figures.
import { join } from "node:path";
import { reasonOf } from "../../../errors.ts";
import { BROKER_START, type BrokerStart } from "../../../protocol/broker-pipe.ts";
import { createBroker } from "../../embedded/broker/broker.ts";
import { createMemoryStore } from "../../embedded/broker/memory-store.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { openProviderPipe, watchProcesses } from "./provider-pipe.ts";
import { bindRouter } from "./router.ts";

/** How often time is told to the broker, and figures to the provider, in milliseconds. */
const ADVANCE_MS = 50;
const FIGURES_MS = 1_000;

const provider = openProviderPipe();
const { note } = provider;
const start: BrokerStart = JSON.parse(process.env[BROKER_START] ?? "{}");
run(start).catch(provider.fail);

async function run({ url, token, durability, folder, endpoints, follows }: BrokerStart): Promise<void> {
  const { store, onRead } =
    durability === "memory"
      ? { store: createMemoryStore(), onRead() {} }
      : openLmdbStore({ folder, durability, onBroken });
  const places = { endpoints, claims: join(folder, "claims") };
  const broker = createBroker(
    {
      ...{ store, token, places, follows, awaitsStates: true },
      ...{ send: (...batch) => router.send(...batch), onUnrouted, onStoreFault },
    },
    nowMs(),
  );
  onRead();
  const watch = watchProcesses(broker.members, (member) => broker.lose(member, nowMs()));
  const router = await bindRouter(url, {
    onBatch: (member, batch) => broker.receive(member, batch, nowMs()),
    onTurn: () => broker.conclude(nowMs()),
    onLost: (member) => broker.lose(member, nowMs()),
    onMalformed: (member, error) => note("warn", "message malformed", { member, reason: reasonOf(error) }),
    onDisconnect: watch.look,
  });
  const timers = [setInterval(() => broker.advance(nowMs()), ADVANCE_MS), setInterval(() => tellFigures(), FIGURES_MS)];

  function tellFigures(): void {
    if (!provider.isRead) return;
    provider.report({ figures: { ...broker.figures(nowMs()), memory_bytes: process.memoryUsage.rss() } });
  }

  async function leave(): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    watch.end();
    router.close();
    await store.close();
    process.exit(0);
  }

  provider.listen({
    leave,
    onState: ({ service, state }) => broker.setService(service, state, nowMs()),
    onTold: () => broker.statesTold(),
  });
  provider.ready();
}

function onUnrouted(event: string): void {
  note("warn", "event dropped", { event, reason: "no group has listened to it within 10 s; said once for each name" });
}

let storeFaults = 0;
function onStoreFault(error: unknown): void {
  storeFaults += 1;
  // The first, and then fewer and fewer: a full disk fails every write.
  if (Number.isInteger(Math.log2(storeFaults)))
    note("error", "event store can't be written", { reason: reasonOf(error), times: storeFaults });
}

function onBroken(reason: string, keptAs: string): void {
  note("error", "event store is broken", { reason, kept_as: keptAs, what: "a new one takes its place" });
}

/** Milliseconds of the epoch that never go backwards. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
