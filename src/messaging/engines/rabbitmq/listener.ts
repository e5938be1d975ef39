// A member of a group: its queue, its consumer on a channel of its own, and the events that it has. The consumer is made again
// when the server ends it, for whatever reason.
import { randomUUID } from "node:crypto";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type Deferred, deferred } from "../../../deferred.ts";
import type { ZcontextError } from "../../../errors.ts";
import type { Delivery, Membership, Verdict } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import { type EventHead, headOf } from "./event-message.ts";
import { unreachable } from "./faults.ts";

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
  /** Listens over this connection, and resolves when events arrive. */
  open(model: ChannelModel): Promise<void>;
  /** The connection is gone, and the server gives what it had to other members. */
  lose(error: ZcontextError): void;
  /** Takes no more. What has arrived is still settled. */
  close(): Promise<void>;
  /** Gives back what it has, once the server knows what was settled. */
  end(error: ZcontextError): Promise<void>;
}

/** Before what a failed verdict was about comes again. */
const AGAIN_MS = 1_000;
const RETRY_MS = 500;
/** A rate is the mean of at least so many milliseconds. */
const RATE_MS = 1_000;

export function createListener(options: ListenerOptions): Listener {
  const { membership, queue, handler, faultOf } = options;
  const listening: Deferred<void> = deferred();
  listening.promise.catch(() => {});
  const held = new Set<HeldDelivery>();
  let present: { model: ChannelModel; channel?: Channel; tag?: string } | undefined;
  let trouble: string | undefined = "it is not consumed yet";
  let settled = 0;
  let rate = { atMs: 0, settled: 0, perSecond: 0 };
  let isClosed = false;

  function take(channel: Channel, message: ConsumeMessage): void {
    const delivery = new HeldDelivery(membership, message, headOf(message, Date.now(), randomUUID), (verdict) => {
      if (delivery.isOver) return;
      delivery.isOver = true;
      void carryOut(channel, delivery, verdict);
    });
    held.add(delivery);
    handler(delivery);
  }

  async function carryOut(channel: Channel, delivery: HeldDelivery, verdict: Verdict): Promise<void> {
    const { message, head } = delivery;
    const isPresent = () => present?.channel === channel;
    try {
      if (verdict.verdict === "again" || verdict.verdict === "dead") await options.carryOut(message, verdict, head);
      settled += 1;
      if (isPresent()) channel.ack(message);
    } catch {
      // It stays in the queue, as a further attempt.
      const timer = setTimeout(() => isPresent() && channel.nack(message, false, true), AGAIN_MS);
      timer.unref();
    } finally {
      held.delete(delivery);
      if (isClosed && held.size === 0 && isPresent()) await channel.close().catch(() => {});
    }
  }

  function loseAll(error: ZcontextError): void {
    for (const delivery of held) delivery.lose(error);
    held.clear();
  }

  /** The server has ended the consumer or its channel; the connection may still be there. */
  function interrupted(model: ChannelModel, channel: Channel, error: unknown): void {
    if (present?.channel !== channel) return;
    present = { model };
    const fault = faultOf(error);
    trouble = fault.message;
    loseAll(fault);
    const timer = setTimeout(() => {
      if (present?.model === model && present.channel === undefined && !isClosed) void open(model).catch(() => {});
    }, RETRY_MS);
    timer.unref();
  }

  async function open(model: ChannelModel): Promise<void> {
    if (isClosed) return;
    const mine: NonNullable<typeof present> = { model };
    present = mine;
    try {
      const channel = await model.createChannel();
      let fault: unknown;
      channel.on("error", (error) => {
        fault = error;
      });
      channel.on("close", () => interrupted(model, channel, fault ?? new Error("the server has closed the channel")));
      mine.channel = channel;
      await options.declare(channel);
      await channel.prefetch(membership.prefetch);
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message !== null) return take(channel, message);
        // Others may have deleted the queue. What this member has of it is lost with it.
        void channel.close().catch(() => {});
        return interrupted(model, channel, new Error(`the queue ${queue} was deleted, or has moved`));
      });
      mine.tag = consumerTag;
      // Not before: where two members declare a queue at once, it is there for the second one before it takes any event.
      await options.bind(channel);
    } catch (error) {
      const fault = faultOf(error);
      trouble = fault.message;
      // Its end leads to another try.
      await mine.channel?.close().catch(() => {});
      if (fault.code !== "ERR_ENGINE_UNREACHABLE") listening.reject(fault);
      throw fault;
    }
    trouble = undefined;
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
      return held.size;
    },
    ratePerS(nowMs) {
      const pastMs = nowMs - rate.atMs;
      if (pastMs >= RATE_MS) {
        const perSecond = rate.atMs === 0 ? 0 : ((settled - rate.settled) * 1_000) / pastMs;
        rate = { atMs: nowMs, settled, perSecond };
      }
      return rate.perSecond;
    },
    open,
    lose(error) {
      present = undefined;
      trouble = error.message;
      loseAll(error);
    },
    async close() {
      isClosed = true;
      listening.reject(unreachable("it is closed"));
      const { channel, tag } = present ?? {};
      if (channel === undefined || tag === undefined) return;
      await channel.cancel(tag).catch(() => {});
      if (held.size === 0) await channel.close().catch(() => {});
    },
    async end(error) {
      isClosed = true;
      const { channel } = present ?? {};
      present = undefined;
      listening.reject(error);
      loseAll(error);
      await channel?.close().catch(() => {});
    },
  };
}

/** A class, since one is made for each event: its members are shared. */
class HeldDelivery implements Delivery {
  readonly name: string;
  readonly group: string;
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly attempt: number;
  readonly firstAt: number;
  readonly message: ConsumeMessage;
  readonly head: EventHead;
  readonly settle: (verdict: Verdict) => void;
  /** It was settled, or is no longer this member's. */
  isOver = false;
  #taken: AbortController | undefined;
  #loss: ZcontextError | undefined;

  constructor(
    { name, group }: Membership,
    message: ConsumeMessage,
    head: EventHead,
    settle: (verdict: Verdict) => void,
  ) {
    this.name = name;
    this.group = group;
    this.envelope = head.envelope;
    this.body = message.content;
    this.attempt = head.attempt;
    this.firstAt = head.firstAt;
    this.message = message;
    this.head = head;
    this.settle = settle;
  }

  /** Made when it is first asked for: most handlers never do. */
  get taken(): AbortSignal {
    this.#taken ??= new AbortController();
    if (this.#loss !== undefined) this.#taken.abort(this.#loss);
    return this.#taken.signal;
  }

  get isTaken(): boolean {
    return this.#loss !== undefined;
  }

  lose(error: ZcontextError): void {
    this.isOver = true;
    this.#loss = error;
    this.#taken?.abort(error);
  }
}
