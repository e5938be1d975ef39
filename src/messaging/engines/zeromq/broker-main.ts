// Entry of the broker process, a child of the provider: a socket before the broker, its store behind it, and a pipe to the
// provider, which tells what becomes of services and hears the figures.
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { reasonOf } from "../../../errors.ts";
import { createProcessTable, hasEnded } from "../../../processes/table.ts";
import {
  BROKER_START,
  type BrokerOrder,
  type BrokerReport,
  type BrokerStart,
  readBrokerLine,
  writeBrokerLine,
} from "../../../protocol/broker-pipe.ts";
import { surviveStraySignals } from "../../../stray-signals.ts";
import { createBroker } from "../../embedded/broker/broker.ts";
import { createMemoryStore } from "../../embedded/broker/memory-store.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { bindRouter } from "./router.ts";

/** How often time is told to the broker, and figures to the provider, in milliseconds. */
const ADVANCE_MS = 50;
const FIGURES_MS = 1_000;
/** How often it is looked whether the processes of members live, in milliseconds; besides whenever a connection ends. */
const LOOK_MS = 500;

// It ends with its provider, by the pipe between them. A service manager signals both of them at once, and the broker has
// to last until the tasks have stopped.
for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) process.on(signal, () => {});
surviveStraySignals();

/** What its log should have, kept back until the provider has heard that it is ready, which is the first line. */
const early: BrokerReport[] = [];
let isReady = false;

const provider = new Socket({ fd: 3 });
const start: BrokerStart = JSON.parse(process.env[BROKER_START] ?? "{}");
run(start).catch((error: NodeJS.ErrnoException) => {
  report({ failed: { code: error.code, message: reasonOf(error) } });
  process.exitCode = 1;
  provider.end();
});

async function run({ url, token, durability, folder, endpoints, follows }: BrokerStart): Promise<void> {
  const { store, onRead } =
    durability === "memory"
      ? { store: createMemoryStore(), onRead() {} }
      : openLmdbStore({ folder, durability, onBroken });
  const places = { endpoints, claims: join(folder, "claims") };
  const broker = createBroker(
    { store, token, places, follows, send: (...batch) => router.send(...batch), onUnrouted, onStoreFault },
    nowMs(),
  );
  onRead();
  const router = await bindRouter(url, {
    onBatch: (member, batch) => broker.receive(member, batch, nowMs()),
    onTurn: () => broker.conclude(nowMs()),
    onLost: (member) => broker.lose(member, nowMs()),
    onMalformed: (member, error) => note("warn", "message malformed", { member, reason: reasonOf(error) }),
    onDisconnect: look,
  });
  const table = createProcessTable();
  const timers = [
    setInterval(() => broker.advance(nowMs()), ADVANCE_MS),
    setInterval(() => tellFigures(), FIGURES_MS),
    setInterval(look, LOOK_MS),
  ];

  /** Gives up the members whose processes have ended. */
  function look(): void {
    for (const { id, process: identity } of broker.members())
      if (identity !== undefined && hasEnded(table, identity)) broker.lose(id, nowMs());
  }

  // A halted provider reads nothing: one unread line is enough for it.
  function tellFigures(): void {
    if (provider.writableLength > 0) return;
    report({ figures: { ...broker.figures(nowMs()), memory_bytes: process.memoryUsage.rss() } });
  }

  async function leave(): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    router.close();
    await store.close();
    process.exit(0);
  }

  provider.on("error", () => {}).on("close", leave);
  createInterface(provider)
    .on("error", () => {})
    .on("line", (line) => {
      const order = readBrokerLine<BrokerOrder>(line);
      if (order === undefined) return;
      if ("leave" in order) void leave();
      else broker.setService(order.service, order.state, nowMs());
    });
  report({ ready: true });
  for (const line of early.splice(0)) report(line);
  isReady = true;
}

function report(line: BrokerReport): void {
  provider.write(writeBrokerLine(line));
}

function note(level: "info" | "warn" | "error", phrase: string, fields: Record<string, unknown>): void {
  const line = { note: { level, phrase, fields } };
  if (isReady) report(line);
  else early.push(line);
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
