// Prints the queues of groups: once, or again and again.
import { setTimeout as pause } from "node:timers/promises";
import type { QueueFigures } from "../../src/messaging/index.ts";
import { columns } from "../columns.ts";
import { answer, answerJson, EXIT, isColoured } from "../print.ts";
import { leaveRequest } from "../program.ts";
import { connectBus, type Place, stayConnected } from "./connection.ts";

const WATCH_MS = 1_000;
/** Moves the cursor to the top left, and clears all below it. */
const CLEAR = "\u001b[H\u001b[J";

export async function queues(place: Place, { watch }: { watch?: true }): Promise<number> {
  if (watch) await watchQueues(place);
  else {
    await using bus = await connectBus(place);
    print(await bus.operations.queues(), place);
  }
  return EXIT.done;
}

async function watchQueues(place: Place): Promise<void> {
  const { signal: left } = leaveRequest();
  const clear = !place.json && isColoured(process.stdout) && process.env.TERM !== "dumb" ? CLEAR : "";
  await stayConnected(place, left, async (bus, gone) => {
    while (!gone.aborted) {
      // A broker that has gone never answers; the connection's end rejects.
      if (bus.trouble === undefined) print(await bus.operations.queues(), place, clear);
      await pause(WATCH_MS, undefined, { signal: gone }).catch(() => {});
    }
  });
}

function print(figures: readonly QueueFigures[], { json }: Place, clear = ""): void {
  const sorted = figures.toSorted((one, other) => compare(one.event, other.event) || compare(one.group, other.group));
  if (json) return answerJson(sorted);
  if (sorted.length === 0) return answer(`${clear}no group listens, and none has`);
  const rows = sorted.map(({ event, group, ready, in_flight, delayed, dead, members, rate_per_s: rate }) => [
    ...[event, group],
    ...[ready, in_flight, delayed, dead, members].map(String),
    rate.toFixed(1),
  ]);
  answer(clear + columns(["EVENT", "GROUP", "READY", "IN FLIGHT", "DELAYED", "DEAD", "MEMBERS", "PER S"], rows));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
