// The events of one program: emits them, keeps those that no group has wanted yet, and does what handlers decide about those
// that they get.
import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { ZcontextError } from "../../../errors.ts";
import type { Engine, OutgoingEvent, Receipt, Verdict } from "../../contract/engine.ts";
import type { Declarations } from "./declarations.ts";
import { declareExchange, declareQueue } from "./declarations.ts";
import { type EventHead, propertiesAfter, propertiesOf } from "./event-message.ts";
import { deathHeaders } from "./letter-message.ts";
import { createListener, type Listener } from "./listener.ts";
import type { Outcome, Publication, Publisher } from "./publisher.ts";
import {
  GROUPS_QUEUE,
  HOLD_MS,
  placesOfDelay,
  placesOfEvent,
  placesOfGroup,
  SHORTEST_DELAY_MS,
  TO_QUEUE,
} from "./topology.ts";

export interface EventsOptions {
  publisher: Publisher;
  declarations: Declarations;
  model(): Promise<ChannelModel>;
  faultOf(error: unknown): ZcontextError;
  /** Called with each event that a group or the queue of unwanted events has. */
  onEmitted(event: OutgoingEvent): void;
  /** Called with the name of each event that no group has wanted yet. */
  onHeld(event: string): void;
}

export interface Events extends Pick<Engine, "emit" | "listen"> {
  /** Listens over this connection with all that listen here. */
  open(model: ChannelModel): Promise<void>;
  lose(error: ZcontextError): void;
  close(error: ZcontextError): Promise<void>;
  readonly listeners: ReadonlySet<Listener>;
  /** When events of a group come back that were rejected here, in milliseconds of the epoch. */
  delayedOf(queue: string): readonly number[];
}

/** Between two looks whether a group has come. */
const ROUTE_MS = 100;
/** How often what is not there is declared again. */
const TRIES = 5;
const NOT_READY_MS = 100;
/** Events that may wait to be stored. */
const MAX_LENGTH = 10_000;
const MAX_BYTES = 64 * 2 ** 20;

export function createEvents({ publisher, declarations, model, faultOf, onEmitted, onHeld }: EventsOptions): Events {
  const listeners = new Set<Listener>();
  const delayed = new Map<string, number[]>();
  const waiting = { length: 0, bytes: 0 };

  /** Publishes to what `declare` declares; that may have been deleted meanwhile. */
  async function publish(publication: Publication, declare: () => Promise<void>): Promise<Outcome> {
    let outcome: Outcome = "astray";
    for (let tries = 0; tries < TRIES && outcome === "astray"; tries += 1) {
      if (tries > 0) declarations.forget();
      await declare();
      outcome = await publisher.publish(publication);
    }
    return outcome;
  }

  /** The same for one queue, which must take it. */
  async function store(publication: Publication, declare: () => Promise<void>): Promise<void> {
    let outcome = await publish(publication, declare);
    for (let tries = 1; tries < TRIES && outcome !== "stored"; tries += 1) {
      // A queue that somebody has just declared takes nothing yet.
      await pause(tries * NOT_READY_MS);
      declarations.forget();
      outcome = await publish(publication, declare);
    }
    if (outcome !== "stored") throw full(publication.key);
  }

  const declareDomain = (exchange: string) => () =>
    declarations.once(exchange, (channel) => declareExchange(channel, exchange));

  async function hold({ exchange, held }: ReturnType<typeof placesOfEvent>, event: Publication): Promise<void> {
    // Each time: the queue stays for a minute after it was declared last.
    const declare = () =>
      declarations.run(async (channel) => {
        await declareExchange(channel, exchange);
        await declareQueue(channel, held);
      });
    await store({ ...event, exchange: TO_QUEUE, key: held.queue }, declare);
  }

  /** Gives a group what was held for the first one that listens. */
  async function giveHeld(event: string, group: string): Promise<void> {
    const { held } = placesOfEvent(event);
    const { main } = placesOfGroup(event, group);
    const channel = await (await model()).createChannel();
    channel.on("error", () => {});
    try {
      await declareQueue(channel, held);
      for (let one = await channel.get(held.queue); one !== false; one = await channel.get(held.queue)) {
        const { content: body, properties } = one;
        const { contentType, messageId, timestamp, type, appId, headers } = properties;
        const same = { contentType, messageId, timestamp, type, appId, headers };
        await store({ exchange: TO_QUEUE, key: main.queue, body, properties: same }, async () => {});
        channel.ack(one);
      }
    } finally {
      await channel.close().catch(() => {});
    }
  }

  async function carryOut(
    { content: body, properties }: ConsumeMessage,
    verdict: Verdict,
    head: EventHead,
    { event, group }: { event: string; group: string },
  ): Promise<void> {
    const { main, dead } = placesOfGroup(event, group);
    if (verdict.verdict === "dead") {
      const letter = propertiesAfter(properties, head, deathHeaders(verdict, Date.now()));
      const declare = () => declarations.once(dead.queue, (channel) => declareQueue(channel, dead));
      return store({ exchange: TO_QUEUE, key: dead.queue, body, properties: letter }, declare);
    }
    if (verdict.verdict !== "again") return;
    const { delayMs } = verdict;
    const again = propertiesAfter(properties, { ...head, attempt: head.attempt + 1 });
    remember(main.queue, Date.now() + delayMs);
    if (delayMs < SHORTEST_DELAY_MS) {
      await pause(delayMs);
      return store({ exchange: TO_QUEUE, key: main.queue, body, properties: again }, async () => {});
    }
    const { exchange, delayed: queue } = placesOfDelay(delayMs);
    const declare = () =>
      declarations.once(exchange, async (channel) => {
        await declareExchange(channel, exchange);
        await declareQueue(channel, queue);
        await channel.bindQueue(queue.queue, exchange, "#");
      });
    await store({ exchange, key: main.queue, body, properties: again }, declare);
  }

  function remember(queue: string, dueMs: number): void {
    const now = Date.now();
    delayed.set(queue, [...(delayed.get(queue) ?? []).filter((due) => due > now), dueMs]);
  }

  async function emit(event: OutgoingEvent, requireRoute: boolean): Promise<Receipt> {
    const { name, envelope, body } = event;
    const { id } = envelope;
    const places = placesOfEvent(name);
    const publication = { exchange: places.exchange, key: places.key, body, properties: propertiesOf(event) };
    const untilMs = performance.now() + HOLD_MS;
    let outcome = await publish(publication, declareDomain(places.exchange));
    while (requireRoute && outcome === "nobody" && performance.now() < untilMs) {
      await pause(ROUTE_MS);
      outcome = await publish(publication, declareDomain(places.exchange));
    }
    if (outcome === "full") throw full(name);
    if (outcome === "nobody" && requireRoute)
      throw new ZcontextError("ERR_EVENT_UNROUTED", `no group has listened to ${name} within ${HOLD_MS / 1_000} s`);
    if (outcome === "nobody") {
      await hold(places, publication);
      onHeld(name);
    }
    onEmitted(event);
    const isRouted = outcome === "stored";
    // A quorum queue confirms what it has flushed to disk; the queue of held events need not have.
    return { id, stored: isRouted ? "sync" : "file", routed: isRouted };
  }

  return {
    listeners,
    delayedOf: (queue) => (delayed.get(queue) ?? []).filter((due) => due > Date.now()),
    async emit(event, { requireRoute }) {
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
    },
    async listen(membership, handler) {
      const { name: event, group } = membership;
      const { exchange, key, main, dead } = placesOfGroup(event, group);
      purge();
      const isOfGroup = ({ membership, isClosed }: Listener) =>
        !isClosed && membership.name === event && membership.group === group;
      if ([...listeners].some(isOfGroup))
        throw new ZcontextError("ERR_USAGE", `group ${group} listens to ${event} here already`);
      const listener = createListener({
        ...{ membership, handler, faultOf, queue: main.queue },
        async declare(channel) {
          await declareExchange(channel, exchange);
          await declareQueue(channel, dead);
          await declareQueue(channel, main);
        },
        bind: async (channel) => void (await channel.bindQueue(main.queue, exchange, key)),
        onListening: () => void giveHeld(event, group).catch(() => {}),
        carryOut: (message, verdict, head) => carryOut(message, verdict, head, { event, group }),
      });
      const through = await model();
      listeners.add(listener);
      try {
        void listener.open(through).catch(() => {});
        await listener.listening;
        await register(event, group);
      } catch (error) {
        await listener.close();
        throw error;
      }
      // What it has is still settled, or lost with the connection.
      const { close } = listener;
      return { close, [Symbol.asyncDispose]: close };
    },
    async open(through) {
      declarations.forget();
      await Promise.allSettled([...listeners].map((listener) => listener.open(through)));
    },
    lose(error) {
      for (const listener of listeners) listener.lose(error);
    },
    async close(error) {
      await Promise.all([...listeners].map((listener) => listener.end(error)));
    },
  };

  function purge(): void {
    for (const listener of listeners) if (listener.isClosed && listener.held === 0) listeners.delete(listener);
  }

  /** So that whoever looks from outside knows of the group. */
  async function register(event: string, group: string): Promise<void> {
    const body = Buffer.from(JSON.stringify({ event, group }));
    const publication = { exchange: TO_QUEUE, key: GROUPS_QUEUE.queue, body, properties: {} };
    await store(publication, () =>
      declarations.once(GROUPS_QUEUE.queue, (channel) => declareQueue(channel, GROUPS_QUEUE)),
    );
  }
}

function full(queue: string): ZcontextError {
  return new ZcontextError("ERR_OVERLOADED", `the queue of ${queue} is full, or is not there`, {
    hint: "Emit again later, add members to the group, or look at `context-bus queues`.",
  });
}
