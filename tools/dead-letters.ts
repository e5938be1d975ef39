// The dead letters of a context's messages, as the dashboard and the live monitor show them: reached as any other program
// reaches the broker, and loaded on demand, for most never show one.
import { reasonOf } from "../src/errors.ts";
import type { OpenedLetter } from "../src/http/contract/api.ts";
import type { EventBus } from "../src/messaging/index.ts";
import type { BusPlace } from "../src/protocol/bus-address.ts";

const CONNECT_MS = 2_000;

/** @param src - Who connects. */
export async function connectForLetters(place: BusPlace, src: string): Promise<EventBus> {
  const { EventBus } = await import("../src/messaging/index.ts");
  return EventBus.connect({ ...place, src, timeoutMs: CONNECT_MS, another: true });
}

/** One of them with what it says; undefined where it is gone. */
export async function openLetter(bus: EventBus, id: string): Promise<OpenedLetter | undefined> {
  const found = await bus.operations.deadLetter(id);
  if (found === undefined) return undefined;
  const { body, ...letter } = found;
  try {
    return { ...letter, payload: await bus.readBody(body) };
  } catch (error) {
    return { ...letter, unreadable: reasonOf(error) };
  }
}
