// Emits events: each goes to the exchange of its domain, and where no group has ever wanted it to a queue that holds it for the
// first one.
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "../../../../errors.ts";
import type { Durability, Engine, OutgoingEvent, Receipt } from "../../../contract/engine.ts";
import { type Declarations, declareExchange, declareQueue } from "../server/declarations.ts";
import type { Publication } from "../server/publisher.ts";
import { full, type Storing } from "../server/storing.ts";
import { type HeldPlaces, HOLD_MS, placesOfEvent, TO_QUEUE } from "../server/topology.ts";
import { propertiesOf } from "./event-message.ts";

export interface EmitterOptions {
  storing: Storing;
  declarations: Declarations;
  /** What an event survives that is in the queue of a group. */
  stored: Durability;
  /** Called with each event that a group or the queue of unwanted events has. */
  onEmitted(event: OutgoingEvent): void;
  /** Called with the name of each event that no group has wanted yet. */
  onHeld(event: string): void;
}

/** Between two looks whether a group has come. */
const ROUTE_MS = 100;
/** Events that may wait to be stored. */
const MAX_LENGTH = 10_000;
const MAX_BYTES = 64 * 2 ** 20;
/** Names of events whose places are remembered. */
const MOST_KNOWN = 10_000;

export function createEmitter({ storing, declarations, stored, onEmitted, onHeld }: EmitterOptions): Engine["emit"] {
  const waiting = { length: 0, bytes: 0 };
  const known = new Map<string, HeldPlaces>();

  function placesFor(name: string): HeldPlaces {
    const places = known.get(name) ?? placesOfEvent(name);
    if (known.size < MOST_KNOWN) known.set(name, places);
    return places;
  }

  async function hold({ exchange, held }: HeldPlaces, event: Publication): Promise<void> {
    // Declared each time: the queue stays for a minute after that.
    const declare = () =>
      declarations.run(async (channel) => {
        await declareExchange(channel, exchange);
        await declareQueue(channel, held);
      });
    await storing.store({ ...event, exchange: TO_QUEUE, key: held.queue }, declare);
  }

  async function emit(event: OutgoingEvent, requireRoute: boolean): Promise<Receipt> {
    const { name, envelope, body } = event;
    const places = placesFor(name);
    const { exchange, key } = places;
    const publication = { exchange, key, body, properties: propertiesOf(event) };
    const declare = () => declarations.exchangeOnce(exchange);
    const untilMs = performance.now() + HOLD_MS;
    let outcome = await storing.publish(publication, declare);
    while (requireRoute && outcome === "nobody" && performance.now() < untilMs) {
      await pause(ROUTE_MS);
      outcome = await storing.publish(publication, declare);
    }
    if (outcome === "nobody" && requireRoute)
      throw new ZcontextError("ERR_EVENT_UNROUTED", `no group has listened to ${name} within ${HOLD_MS / 1_000} s`);
    if (outcome === "nobody") {
      await hold(places, publication);
      onHeld(name);
    } else if (outcome !== "stored") throw full(name, outcome);
    onEmitted(event);
    const isRouted = outcome === "stored";
    return { id: envelope.id, stored: isRouted ? stored : "file", routed: isRouted };
  }

  return async (event, { requireRoute }) => {
    const { length } = event.body;
    if (waiting.length >= MAX_LENGTH || waiting.bytes + length > MAX_BYTES)
      throw new ZcontextError(
        "ERR_OVERLOADED",
        `${waiting.length} events of ${waiting.bytes} bytes wait for the server`,
        {
          hint: "Await what you emit, or emit fewer at a time.",
        },
      );
    waiting.length += 1;
    waiting.bytes += length;
    try {
      return await emit(event, requireRoute);
    } finally {
      waiting.length -= 1;
      waiting.bytes -= length;
    }
  };
}
