// The groups that this program is a member of: each listens over every connection anew, and is given what was held for it.
import type { ChannelModel } from "amqplib";
import { ZcontextError } from "../../../../errors.ts";
import type { Engine } from "../../../contract/engine.ts";
import { type Declarations, declareExchange, declareQueue } from "../server/declarations.ts";
import type { Storing } from "../server/storing.ts";
import { GROUPS_QUEUE, type GroupPlaces, type PlacesOfGroup, placesOfEvent, TO_QUEUE } from "../server/topology.ts";
import { sameProperties } from "./event-message.ts";
import { createListener, type Listener } from "./listener.ts";
import type { Share } from "./members.ts";
import type { Settling } from "./settling.ts";

export interface EventsOptions {
  storing: Storing;
  declarations: Declarations;
  settling: Settling;
  placesOfGroup: PlacesOfGroup;
  model(): Promise<ChannelModel>;
  faultOf(error: unknown): ZcontextError;
}

export interface Events extends Pick<Engine, "listen"> {
  /** Listens over this connection with all that listen here. */
  open(model: ChannelModel): Promise<void>;
  /** Asks the server for each queue that is consumed here, and makes consumers again that get nothing. */
  look(): Promise<void>;
  /** @param blocked - Why the connection was lost, where that is this program's own fault. */
  lose(error: ZcontextError, blocked: ZcontextError | undefined): void;
  close(error: ZcontextError): Promise<void>;
  readonly listeners: ReadonlySet<Listener>;
  /** What this program has of each group, and how often it is a member of one. @param nowMs - The monotonic clock. */
  shares(nowMs: number): { shares: Share[]; members: number };
}

export function createEvents(options: EventsOptions): Events {
  const { storing, declarations, settling, placesOfGroup, model, faultOf } = options;
  const listeners = new Set<Listener>();

  /** Gives a group what was held for the first one that listens. */
  async function giveHeld(event: string, { main }: GroupPlaces): Promise<void> {
    const { held } = placesOfEvent(event);
    const channel = await (await model()).createChannel();
    channel.on("error", () => {});
    try {
      await declareQueue(channel, held);
      for (let one = await channel.get(held.queue); one !== false; one = await channel.get(held.queue)) {
        const { content: body, properties } = one;
        await storing.store({ exchange: TO_QUEUE, key: main.queue, body, properties: sameProperties(properties) });
        channel.ack(one);
      }
    } finally {
      await channel.close().catch(() => {});
    }
  }

  /** So that whoever looks from outside knows of the group. */
  async function register(event: string, group: string): Promise<void> {
    const body = Buffer.from(JSON.stringify({ event, group }));
    const name = { exchange: TO_QUEUE, key: GROUPS_QUEUE.queue, body, properties: {} };
    await storing.store(name, () => declarations.keepOnce(GROUPS_QUEUE));
  }

  function forgetClosed(): void {
    for (const listener of listeners) if (listener.isClosed && listener.held === 0) listeners.delete(listener);
  }

  return {
    listeners,
    shares(nowMs) {
      const shares = [...listeners].map((listener) => {
        const { name: event, group } = listener.membership;
        const delayed = settling.delayedOf(placesOfGroup(event, group));
        return { event, group, in_flight: listener.held, delayed, rate_per_s: listener.ratePerS(nowMs) };
      });
      return { shares, members: [...listeners].filter(({ isClosed }) => !isClosed).length };
    },
    async listen(membership, handler) {
      const { name: event, group } = membership;
      const places = placesOfGroup(event, group);
      const { exchange, key, main, dead } = places;
      forgetClosed();
      const isSame = ({ membership: { name, group: other }, isClosed }: Listener) =>
        !isClosed && name === event && other === group;
      if ([...listeners].some(isSame))
        throw new ZcontextError("ERR_USAGE", `group ${group} listens to ${event} here already`);
      const listener = createListener({
        ...{ membership, handler, faultOf, queue: main.queue },
        async declare(channel) {
          await declareExchange(channel, exchange);
          await Promise.all([declarations.keep(dead), declarations.keep(main), declarations.keepOnce(GROUPS_QUEUE)]);
        },
        bind: async (channel) => void (await channel.bindQueue(main.queue, exchange, key)),
        onListening() {
          giveHeld(event, places).catch(() => {});
          // Each time, as the server may have lost what is in no queue of events.
          register(event, group).catch(() => {});
        },
        carryOut: (message, verdict, head) => settling.carryOut(message, verdict, head, places),
      });
      // Known before it is connected, so that a second one is refused, and the next connection listens for it.
      listeners.add(listener);
      try {
        void listener.open(await model()).catch(() => {});
        await listener.listening;
      } catch (error) {
        await listener.close();
        throw error;
      }
      // What it has is still settled, or lost with the connection.
      const { close } = listener;
      return { close, [Symbol.asyncDispose]: close };
    },
    async open(through) {
      await Promise.allSettled([...listeners].map((listener) => listener.open(through)));
    },
    async look() {
      for (const listener of listeners) {
        if (!listener.isConsuming) continue;
        const { name, group } = listener.membership;
        const { queue } = placesOfGroup(name, group).main;
        const there = await declarations.run((channel) => channel.checkQueue(queue)).catch(() => undefined);
        if (there !== undefined) listener.look(there);
      }
    },
    lose(error, blocked) {
      for (const listener of listeners) listener.lose(error, blocked);
    },
    async close(error) {
      await Promise.all([...listeners].map((listener) => listener.end(error)));
    },
  };
}
