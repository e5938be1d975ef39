// The sending half of signals: it speaks the bytes of ZeroMQ itself, for a socket of libzmq wakes a thread for each message.
// What is sent in one go of the program leaves in one piece. Numbers the messages of each topic, and keeps a bounded number of
// them while the forwarder does not take them.
import { connect, type Socket } from "node:net";
import { deferred } from "../../../deferred.ts";
import { ZcontextError } from "../../../errors.ts";
import { HIGH_WATER_MARK, MAX_SUBSCRIPTION_BYTES, RECONNECT_MS } from "../../../link/limits.ts";
import { addressOf } from "../../../protocol/endpoints.ts";
import { socketAddress } from "./address.ts";
import { createZmtpReader, encodeMessages, greeting, type Piece, subscriptionIn } from "./zmtp.ts";

/** The sending half of signals. */
export interface SignalOutbox {
  /** Identifies this publisher in everything it sends. */
  readonly incarnation: string;
  /** Resolves when the forwarder receives what is sent. */
  readonly up: Promise<void>;
  /** The last number on each topic. */
  readonly published: ReadonlyMap<string, number>;
  /**
   * Sends a message that is encoded already.
   *
   * @param write - Gets the message's number on the topic.
   * @throws {ZcontextError} `ERR_OVERLOADED` when 10,000 messages wait already, or 64 MiB; `ERR_ENGINE_UNREACHABLE` once it is
   *   closed. It has no number then.
   */
  post(topic: string, write: (sequence: number) => Frames): void;
  /** Resolves when a subscription to exactly this topic has arrived from the forwarder. */
  onceSubscribed(topic: string): Promise<void>;
  /** Calls the listener with each topic that somebody begins to subscribe to. */
  onSubscribed(listener: (topic: string) => void): void;
  /** Closes once everything accepted has been sent. */
  close(): Promise<void>;
}

/** The frames of one message: bytes, or texts. */
type Frames = Piece | Piece[];

/** Bytes kept at most, beside the bound of messages. */
const MAX_BYTES = 64 * 2 ** 20;
/** Room besides for what members say to each other: the totals, by which a loss is known, must not be lost to the flood that they tell of. */
const INNER_ROOM = 1_000;
const INNER = "~";
/** How long the last messages may take to leave, in milliseconds. */
const LINGER_MS = 2_000;
const EVERYTHING = "";

const SUBSCRIPTION_LIMITS = { frameBytes: MAX_SUBSCRIPTION_BYTES, messageBytes: MAX_SUBSCRIPTION_BYTES, frames: 1 };

/**
 * Opens an outbox. It connects anew whenever its connection ends.
 *
 * @param endpoint - Where it connects; may be known later.
 * @param incarnation - Identifies it in everything it sends.
 */
export function openSignalOutbox(endpoint: Promise<string>, incarnation: string): SignalOutbox {
  const published = new Map<string, number>();
  const awaited = new Map<string, () => void>();
  const listeners = new Set<(topic: string) => void>();
  const up = deferred();
  /** Said, and not given to the system yet. */
  let waiting: Frames[] = [];
  let waitingBytes = 0;
  /** How many messages the system has not taken yet. */
  let leaving = 0;
  let isDue = false;
  let isClosed = false;
  let connection: Socket | undefined;
  /** The forwarder has subscribed to everything: before that it would drop what it gets. */
  let isUp = false;
  let retry: NodeJS.Timeout | undefined;
  let emptied: (() => void) | undefined;
  endpoint.then(open, () => {});

  function open(known: string): void {
    if (isClosed) return;
    const socket = connect({ ...socketAddress(addressOf(known)), noDelay: true });
    connection = socket;
    const reader = createZmtpReader({ type: "XPUB", identity: "" }, SUBSCRIPTION_LIMITS, {
      onReady() {},
      reply: (bytes) => void socket.write(bytes),
    });
    socket.on("connect", () => socket.write(greeting()));
    socket.on("data", (chunk) => {
      try {
        for (const [frame] of reader.take(chunk)) hear(frame && subscriptionIn(frame));
      } catch {
        // What can't be read ends the connection; the next one begins anew.
        socket.destroy();
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      isUp = false;
      leaving = 0;
      if (!isClosed) retry = setTimeout(open, RECONNECT_MS, known);
    });
  }

  /** @param topic - That somebody subscribes to; undefined for what is no such news. */
  function hear(topic: string | undefined): void {
    if (topic === undefined) return;
    if (topic !== EVERYTHING) return arrive(topic);
    isUp = true;
    // Only what is to be sent keeps the program alive.
    connection?.unref();
    up.resolve();
    flush();
  }

  function arrive(topic: string): void {
    awaited.get(topic)?.();
    awaited.delete(topic);
    for (const listener of listeners) listener(topic);
  }

  function flush(): void {
    isDue = false;
    if (!isUp || waiting.length === 0 || connection === undefined) return;
    const messages = waiting;
    waiting = [];
    waitingBytes = 0;
    leaving += messages.length;
    connection.write(encodeMessages(messages), (error) => {
      // With its connection everything ends that was on its way.
      if (!error) leaving -= messages.length;
      if (leaving === 0 && waiting.length === 0) emptied?.();
    });
  }

  function hasRoom(topic: string): boolean {
    const messages = waiting.length + leaving;
    if (topic.startsWith(INNER)) return messages < HIGH_WATER_MARK + INNER_ROOM;
    return messages < HIGH_WATER_MARK && waitingBytes + (connection?.writableLength ?? 0) < MAX_BYTES;
  }

  return {
    incarnation,
    up: up.promise,
    published,
    post(topic, write) {
      if (isClosed || !hasRoom(topic)) throw overloaded(topic, isClosed);
      const sequence = (published.get(topic) ?? 0) + 1;
      const message = write(sequence);
      published.set(topic, sequence);
      waiting.push(message);
      waitingBytes += lengthOf(message);
      if (isDue) return;
      isDue = true;
      // Not later: a handler may go on for long before the event loop turns.
      process.nextTick(flush);
    },
    onceSubscribed(topic) {
      const { promise, resolve } = deferred();
      awaited.set(topic, resolve);
      return promise;
    },
    onSubscribed: (listener) => void listeners.add(listener),
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearTimeout(retry);
      if (connection === undefined || connection.closed) return;
      flush();
      if (isUp && leaving > 0) await leftWithin(LINGER_MS);
      await ended(connection);
    },
  };

  async function leftWithin(ms: number): Promise<void> {
    const { promise, resolve } = deferred();
    emptied = resolve;
    const late = setTimeout(resolve, ms);
    await promise;
    clearTimeout(late);
  }
}

function lengthOf(message: Frames): number {
  if (!Array.isArray(message)) return message.length;
  return message.reduce((sum, { length }) => sum + length, 0);
}

/** The other side reads what has left before it sees the end. */
function ended(socket: Socket): Promise<void> {
  const { promise, resolve } = deferred();
  socket.on("close", () => resolve());
  if (socket.connecting) socket.destroy();
  else socket.destroySoon();
  return promise;
}

function overloaded(topic: string, isClosed: boolean): ZcontextError {
  if (isClosed) return new ZcontextError("ERR_ENGINE_UNREACHABLE", `message on ${topic}: the bus is closed`);
  return new ZcontextError(
    "ERR_OVERLOADED",
    `message on ${topic}: ${HIGH_WATER_MARK} messages wait for the forwarder already`,
    { hint: "Publish less at a time, or wait a turn of the event loop between batches." },
  );
}
