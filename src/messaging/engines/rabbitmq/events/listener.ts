// A member of a group: its queue, its consumer on a channel of its own, and the events that it has. The consumer is made again
// when the server ends it, for whatever reason.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type Deferred, deferred } from "../../../../deferred.ts";
import type { ZcontextError } from "../../../../errors.ts";
import type { Delivery, Membership, Verdict } from "../../../contract/engine.ts";
import { unreachable } from "../server/faults.ts";
import { type EventHead, headOf } from "./event-message.ts";
import { HeldDelivery } from "./held-delivery.ts";
import { createHoldings } from "./holdings.ts";
import { createRate } from "./rate.ts";
import { createStarvation } from "./starvation.ts";

export interface ListenerOptions {
  membership: Membership;
  handler(delivery: Delivery): void;
  queue: string;
  /** Declares what the group needs. */
  declare(channel: Channel): Promise<void>;
  /** Has the events of the group's name go to its queue. */
  bind(channel: Channel): Promise<void>;
  /** Once the consumer is there. */
  onListening(): void;
  /** Stores what a verdict asks for, before the event leaves the queue. */
  carryOut(message: ConsumeMessage, verdict: Verdict, head: EventHead): Promise<void>;
  faultOf(error: unknown): ZcontextError;
}

export interface Listener {
  readonly membership: Membership;
  /** Rejects where the server refuses what the group needs, the first time; resolves when events arrive. */
  readonly listening: Promise<void>;
  /** Why no events arrive; undefined while they do. */
  readonly trouble: string | undefined;
  readonly isClosed: boolean;
  /** How many events it has. */
  readonly held: number;
  /** How many events it settles. @param nowMs - The monotonic clock. */
  ratePerS(nowMs: number): number;
  /** Whether it takes more than it has. */
  readonly isConsuming: boolean;
  /** What the server says of its queue, every few seconds: a consumer that is there and gets nothing is made again. */
  look(queue: { messageCount: number; consumerCount: number }): void;
  /** Listens over this connection, and resolves when events arrive. */
  open(model: ChannelModel): Promise<void>;
  /**
   * The connection is gone, and the server gives what it had to it again, or to other members.
   *
   * @param blocked - Why that is its own fault: then it is not waited for what comes of the events.
   */
  lose(error: ZcontextError, blocked: ZcontextError | undefined): void;
  /** Takes no more. What has arrived is still settled. */
  close(): Promise<void>;
  /** Gives back what it has, once the server knows what was settled and what was decided is stored. */
  end(error: ZcontextError): Promise<void>;
}

interface Present {
  model: ChannelModel;
  channel?: Channel;
  tag?: string;
  isInterrupted?: boolean;
}

/** Before what a failed verdict was about comes again. */
const AGAIN_MS = 1_000;
const RETRY_MS = 500;
/** How long the server may take to give again what this member had over a former connection. */
const GIVEN_AGAIN_MS = 5_000;
/** How long a member that ends waits until what it has decided is stored: a new queue takes the server a second. */
const STORED_MS = 3_000;

export function createListener(options: ListenerOptions): Listener {
  const { membership, queue, handler, faultOf } = options;
  const listening: Deferred<void> = deferred();
  listening.promise.catch(() => {});
  const holdings = createHoldings();
  let present: Present | undefined;
  let trouble: string | undefined = "it is not consumed yet";
  let taken = 0;
  const settlements = createRate();
  const whyStarved = createStarvation();
  let isClosed = false;
  /** What was decided and is being stored. */
  const storing = new Set<Promise<void>>();

  function take(channel: Channel, message: ConsumeMessage): void {
    const head = headOf(message, Date.now(), randomUUID);
    if (message.fields.redelivered) {
      if (holdings.wasSettled(head.key)) return channel.ack(message);
      const known = holdings.adopt(head.key);
      if (known !== undefined) return takeAgain(known, { channel, message });
    }
    taken += 1;
    const delivery = new HeldDelivery(membership, { channel, message }, head, carryOut);
    holdings.add(delivery);
    handler(delivery);
  }

  function takeAgain(delivery: HeldDelivery, given: HeldDelivery["given"]): void {
    delivery.given = given;
    holdings.add(delivery);
    if (delivery.verdict !== undefined) carryOut(delivery);
  }

  function carryOut(delivery: HeldDelivery): void {
    const { verdict, given } = delivery;
    // Over a former connection: it is done when the server gives the event again.
    if (verdict === undefined || delivery.isBeingStored || present?.channel !== given.channel) return;
    // Nothing is awaited for an event that only leaves the queue, which most do.
    if (!isStored(verdict)) return takeOff(delivery);
    delivery.isBeingStored = true;
    const done = store(delivery, verdict).finally(() => storing.delete(done));
    storing.add(done);
  }

  function takeOff(delivery: HeldDelivery): void {
    settlements.add();
    holdings.settled(delivery);
    const { channel, message } = delivery.given;
    // It may have been given again meanwhile.
    if (present?.channel !== channel) return;
    try {
      channel.ack(message);
    } catch {
      // The channel is ending: the server gives the event again, which is known as settled then.
    }
    if (isClosed && holdings.size === 0) channel.close().catch(() => {});
  }

  async function store(delivery: HeldDelivery, verdict: Verdict): Promise<void> {
    const { head, given } = delivery;
    const { channel, message } = given;
    try {
      await options.carryOut(message, verdict, head);
      takeOff(delivery);
    } catch {
      // It stays in the queue, as a further attempt.
      delivery.lose(unreachable("what was decided about an event could not be stored"));
      holdings.adopt(head.key);
      const giveBack = () => present?.channel === channel && channel.nack(message, false, true);
      setTimeout(giveBack, AGAIN_MS).unref();
    }
  }

  /** The server has ended the consumer or its channel; the connection may still be there. */
  function interrupted(model: ChannelModel, channel: Channel, error: unknown): void {
    if (present?.channel !== channel) return;
    present = { model, isInterrupted: true };
    trouble = faultOf(error).message;
    holdings.orphan();
    const again = () => {
      if (present?.model === model && present.isInterrupted && !isClosed) void open(model).catch(() => {});
    };
    setTimeout(again, RETRY_MS).unref();
  }

  async function open(model: ChannelModel): Promise<void> {
    const isBegun = present?.model === model && !present.isInterrupted;
    if (isClosed || isBegun) return;
    const mine: Present = { model };
    present = mine;
    try {
      const channel = await model.createChannel();
      mine.channel = channel;
      mine.tag = await consume(channel, options, take, (error) => interrupted(model, channel, error));
    } catch (error) {
      const fault = faultOf(error);
      trouble = fault.message;
      // Its end leads to another try.
      await mine.channel?.close().catch(() => {});
      if (fault.code !== "ERR_ENGINE_UNREACHABLE") listening.reject(fault);
      throw fault;
    }
    trouble = undefined;
    const withOthers = unreachable("the connection was lost, and another member has the event");
    setTimeout(() => present === mine && holdings.loseOrphans(withOthers), GIVEN_AGAIN_MS).unref();
    options.onListening();
    listening.resolve();
  }

  return {
    membership,
    listening: listening.promise,
    get trouble() {
      return isClosed ? undefined : trouble;
    },
    get isClosed() {
      return isClosed;
    },
    get held() {
      return holdings.size;
    },
    ratePerS: settlements.perSecond,
    get isConsuming() {
      return !isClosed && trouble === undefined;
    },
    look({ messageCount, consumerCount }) {
      const { model, channel } = present ?? {};
      if (isClosed || trouble !== undefined || model === undefined || channel === undefined) return;
      const hasRoom = holdings.size < membership.prefetch;
      const why = whyStarved({ messageCount, consumerCount, taken, hasRoom });
      if (why === undefined) return;
      channel.close().catch(() => {});
      interrupted(model, channel, new Error(`the queue ${queue}: ${why}`));
    },
    open,
    lose(error, blocked) {
      present = undefined;
      trouble = error.message;
      if (blocked !== undefined) holdings.loseAll(blocked);
      else if (isClosed) holdings.loseAll(error);
      else holdings.orphan();
    },
    async close() {
      isClosed = true;
      listening.reject(unreachable("it is closed"));
      const { channel, tag } = present ?? {};
      if (channel === undefined || tag === undefined) return;
      await channel.cancel(tag).catch(() => {});
      if (holdings.size === 0) await channel.close().catch(() => {});
    },
    async end(error) {
      isClosed = true;
      const { channel } = present ?? {};
      listening.reject(error);
      if (channel !== undefined)
        await Promise.race([Promise.allSettled(storing), pause(STORED_MS, undefined, { ref: false })]);
      present = undefined;
      holdings.loseAll(error);
      await channel?.close().catch(() => {});
    },
  };
}

/**
 * Declares what the group needs, and consumes its queue.
 *
 * @param onEnd - The channel or the consumer has ended.
 * @returns The tag of the consumer.
 */
async function consume(
  channel: Channel,
  { declare, bind, membership: { prefetch }, queue }: ListenerOptions,
  take: (channel: Channel, message: ConsumeMessage) => void,
  onEnd: (error: unknown) => void,
): Promise<string> {
  let fault: unknown = new Error("the server has closed the channel");
  channel.on("error", (error) => {
    fault = error;
  });
  channel.on("close", () => onEnd(fault));
  await declare(channel);
  await channel.prefetch(prefetch);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message !== null) return take(channel, message);
    // Others may have deleted the queue. What this member has of it is lost with it.
    channel.close().catch(() => {});
    return onEnd(new Error(`the queue ${queue} was deleted, or has moved`));
  });
  // Not before: where two members declare a queue at once, it is there for the second one before it takes any event.
  await bind(channel);
  return consumerTag;
}

/** Whether what was decided is more than that the event leaves the queue. */
function isStored(verdict: Verdict | undefined): boolean {
  return verdict?.verdict === "again" || verdict?.verdict === "dead";
}
