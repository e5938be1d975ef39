// Prints the queues of groups, and those of streams: once, or again and again.
import { setTimeout as pause } from "node:timers/promises";
import type { EventBus, QueueFigures } from "../../src/messaging/index.ts";
import { STREAM_COUNTS, type StreamFigures } from "../../src/protocol/stream-figures.ts";
import { columns } from "../columns.ts";
import { leaveRequest } from "../leaving.ts";
import { answer, answerJson, EXIT, isColoured } from "../print.ts";
import { connectBus, type Place, stayConnected } from "./connection.ts";
import { openStreamCounts, type StreamCounts } from "./stream-counts.ts";

const WATCH_MS = 1_000;
/** Moves the cursor to the top left, and clears all below it. */
const CLEAR = "\u001b[H\u001b[J";

export async function queues(place: Place, { watch }: { watch?: true }): Promise<number> {
  if (watch) await watchQueues(place);
  else {
    await using bus = await connectBus(place);
    await using streams = await openStreamCounts(place);
    print(await read(bus, streams), place);
  }
  return EXIT.done;
}

async function watchQueues(place: Place): Promise<void> {
  const { signal: left } = leaveRequest();
  const clear = !place.json && isColoured(process.stdout) && process.env.TERM !== "dumb" ? CLEAR : "";
  await stayConnected(place, left, async (bus, gone) => {
    await using streams = await openStreamCounts(place);
    while (!gone.aborted) {
      // A broker that has gone never answers; the connection's end rejects.
      if (bus.trouble === undefined) print(await read(bus, streams), place, clear);
      await pause(WATCH_MS, undefined, { signal: gone }).catch(() => {});
    }
  });
}

interface Shown {
  groups: QueueFigures[];
  streams: StreamFigures[];
}

async function read(bus: EventBus, counts: StreamCounts): Promise<Shown> {
  const [groups, streams] = await Promise.all([bus.operations.queues(), counts.read()]);
  groups.sort((one, other) => compare(one.event, other.event) || compare(one.group, other.group));
  return { groups, streams };
}

function print({ groups, streams }: Shown, { json }: Place, clear = ""): void {
  if (json) return answerJson([...groups, ...streams]);
  const tables = [groups.length > 0 || streams.length === 0 ? groupTable(groups) : undefined, streamTable(streams)];
  answer(clear + tables.filter((table) => table !== undefined).join("\n\n"));
}

function streamTable(streams: readonly StreamFigures[]): string | undefined {
  if (streams.length === 0) return undefined;
  const rows = streams.map(({ queue, protocol, ...counts }) => [
    ...[queue, protocol],
    ...STREAM_COUNTS.map((what) => String(counts[what])),
  ]);
  return columns(["QUEUE", "PROTOCOL", ...STREAM_COUNTS.map((what) => what.toUpperCase())], rows);
}

function groupTable(groups: readonly QueueFigures[]): string {
  if (groups.length === 0) return "no group listens, and none has";
  const rows = groups.map(({ event, group, ready, in_flight, delayed, dead, members, rate_per_s: rate }) => [
    ...[event, group],
    ...[ready, in_flight, delayed, dead, members].map(String),
    rate.toFixed(1),
  ]);
  return columns(["EVENT", "GROUP", "READY", "IN FLIGHT", "DELAYED", "DEAD", "MEMBERS", "PER S"], rows);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
