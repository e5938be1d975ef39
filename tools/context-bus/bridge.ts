// Passes events and calls of one engine on to another, until a signal comes; connects again to either that was away.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import type { EventBus } from "../../src/messaging/index.ts";
import { readBusUrl, withoutLogin } from "../../src/protocol/bus-address.ts";
import { leaveRequest } from "../leaving.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { connectBus, type Place, stayConnected, type Use } from "./connection.ts";

export interface BridgeWords {
  from: string;
  to: string;
  events: readonly string[];
  methods: readonly string[];
  both?: true;
  group: string;
  json?: true;
}

interface End {
  place: Place;
  /** In words that every bridge has for it. */
  name: string;
}

export async function bridge({ from, to, events, methods, both, group, json }: BridgeWords): Promise<number> {
  if (events.length + methods.length === 0)
    throw new ZcontextError("ERR_USAGE", "nothing is to be passed on: expected --events or --methods");
  const [here, there] = [await endOf(from, "--from"), await endOf(to, "--to")];
  const { signal: left } = leaveRequest();
  const passed = new Map<string, number>();
  /** What keeps events waiting, so that it is said once. */
  const waits = new Map<string, string>();

  async function open(one: EventBus, other: EventBus, places: { from: string; to: string }, isBack: boolean) {
    return one.bridgeTo(other, {
      ...{ places, group, events, methods: isBack ? [] : methods },
      onWait(event, error) {
        if (waits.get(event) === reasonOf(error)) return;
        waits.set(event, reasonOf(error));
        say(`${event} waits for ${places.to}: ${reasonOf(error)}`);
      },
      onPassed(event) {
        waits.delete(event);
        passed.set(event, (passed.get(event) ?? 0) + 1);
      },
    });
  }

  await connected(here, left, (one, oneGone) =>
    connected(there, oneGone, async (other, gone) => {
      const places = { from: here.name, to: there.name };
      await using _ = await open(one, other, places, false);
      await using __ = both && (await open(other, one, { from: places.to, to: places.from }, true));
      say(
        `bridging ${[...events, ...methods].join(", ")} from ${places.from} to ${places.to}${both ? " and back" : ""}`,
      );
      if (!gone.aborted) await once(gone, "abort");
    }),
  );
  if (json) answerJson({ passed: Object.fromEntries(passed) });
  else answer([...passed].map(([event, count]) => `${event}: ${count} passed`).join("\n") || "nothing was passed");
  return EXIT.done;
}

/** A server is connected with again by its engine; a broker may be that of a later provider. */
async function connected({ place }: End, left: AbortSignal, use: Use): Promise<void> {
  const { url } = place;
  if (url === undefined || readBusUrl(url).engine === "zeromq") return stayConnected(place, left, use);
  await using bus = await connectBus(place);
  await use(bus, left);
}

async function endOf(words: string, option: string): Promise<End> {
  const text = words.startsWith("@") ? await readPlace(words.slice(1), option) : words;
  if (text.includes("://")) return { place: { url: text }, name: withoutLogin(text) };
  return { place: { context_file: text }, name: resolve(text) };
}

async function readPlace(file: string, option: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new ZcontextError("ERR_USAGE", `${option}: ${reasonOf(error)}`, { cause: error });
  }
}
