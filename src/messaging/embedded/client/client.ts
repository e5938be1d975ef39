// An engine that speaks with the broker of the embedded engine over a channel. What is in force here (groups, services, events
// that a member has) is told to each broker anew, so that nothing ends with one.
import { randomUUID } from "node:crypto";
import { deferred } from "../../../deferred.ts";
import { ZcontextError } from "../../../errors.ts";
import type { Durability, Engine, Signal, Subscription } from "../../contract/engine.ts";
import type { ConnectingEngine } from "../../contract/server.ts";
import {
  type Batch,
  type FromBroker,
  type Hello,
  type Item,
  type Places,
  PROTOCOL,
  type ToBroker,
} from "../operations.ts";
import { unpack } from "../parcel.ts";
import { createHeardNews } from "../signal-counts.ts";
import { createCall, createEmit } from "./asking.ts";
import { createConversation } from "./conversation.ts";
import { blocked, unreachable } from "./faults.ts";
import { createHoldings } from "./holdings.ts";
import { createListening } from "./listening.ts";
import { createOperations, ofBroker } from "./outside.ts";
import { createServe, createServedCalls } from "./served-calls.ts";
import { createWatching } from "./watching.ts";

/** The way to the broker. It is opened once, and finds the next broker by itself. */
export interface Channel {
  send(batch: Batch<ToBroker>): void;
  close(): Promise<void>;
}

export interface ChannelEvents {
  /** A broker can be reached, the first time or again: nothing that was sent before has a meaning for it. */
  onUp(): void;
  onDown(): void;
  onBatch(batch: Batch<FromBroker>): void;
}

/** The way of signals, which does not lead over the broker. */
export type Signals = Pick<Engine, "publish" | "subscribe" | "signalFigures"> & {
  /** Hears the signals on all topics of services. Resolves when it does. */
  tap(handler: (signal: Signal) => void): Promise<Subscription>;
  close(): Promise<void>;
};

export interface ClientOptions {
  name: string;
  src: string;
  token: string;
  process?: Hello["process"];
  openChannel(member: string, events: ChannelEvents): Channel;
  signals: Signals;
  /** The monotonic clock. */
  nowMs?: () => number;
}

/** How often a member shows that its event loop turns, in milliseconds. */
const BEAT_MS = 1_000;

/** An engine, and what its broker said when it was first reached. */
export interface Client extends ConnectingEngine {
  readonly up: Promise<Places>;
}

type Welcome = Extract<FromBroker, { op: "welcome" }>;

/** Connects to the broker. @returns The engine at once; what is asked of it waits for the broker. */
export function createClient(options: ClientOptions): Client {
  const { name, signals, nowMs = () => performance.now() } = options;
  const member = randomUUID();
  const up = deferred<Places>();
  up.promise.catch(() => {});
  let isClosed = false;
  let isReading = false;
  let trouble: string | undefined = "not connected yet";
  let stored: Durability = "memory";
  /** The number of the question that renewed the tap at the broker that has let this member in last. */
  let tappedAgain: number | undefined;
  const heardNews = createHeardNews(() => signals.signalFigures().heard);
  const channel = options.openChannel(member, { onUp: sayHello, onDown, onBatch });
  const conversation = createConversation(channel.send, nowMs);
  const { nextN, say } = conversation;
  // What is next in a batch that is being read may be settled or answered at once.
  const flush = () => isReading || conversation.flush();
  const listening = createListening(conversation);
  const served = createServedCalls(say, flush);
  const watching = createWatching(() => say({ op: "taken", copies: 1 }));
  const holdings = createHoldings((settlement) => {
    say(settlement);
    return conversation.nextBatch;
  }, flush);
  const beat = setInterval(onBeat, BEAT_MS).unref();

  function sayHello(): void {
    const { src, token } = options;
    const identity = options.process && { process: options.process };
    conversation.begin({ op: "hello", protocol: PROTOCOL, token, src, ...identity, holds: holdings.list() });
  }

  function beWelcome({ stored: durability, endpoints, claims }: Welcome): void {
    stored = durability;
    trouble = undefined;
    conversation.welcome(sayWhatIsInForce);
    up.resolve({ endpoints, claims });
  }

  /** Goes first, so that what is asked next finds it. */
  function sayWhatIsInForce(): void {
    listening.sayAgain();
    for (const service of served.list()) say({ op: "serve", n: nextN(), ...service });
    if (watching.filter !== undefined) {
      tappedAgain = nextN();
      say({ op: "tap", n: tappedAgain, ...ofBroker(watching.filter) });
    }
    for (const settlement of holdings.unconfirmed()) say(settlement);
  }

  function onDown(): void {
    conversation.end();
    trouble = "its broker can't be reached";
    giveUp(unreachable(name, trouble));
  }

  function giveUp(error: ZcontextError): void {
    conversation.failUnrepeatable(error);
    served.abort(error);
  }

  function onBatch({ done, items }: Batch<FromBroker>): void {
    isReading = true;
    for (const item of items) obey(item);
    isReading = false;
    if (holdings.isIdle && served.isIdle) conversation.flush();
    // Everything up to this batch has been carried out and kept.
    conversation.confirm(done);
    holdings.confirm(done);
  }

  function obey({ operation, body }: Item<FromBroker>): void {
    switch (operation.op) {
      case "welcome":
        return beWelcome(operation);
      case "refused":
        return beRefused(operation.code, operation.reason);
      case "deliver": {
        const delivery = holdings.take(operation, body);
        return delivery && listening.give(delivery);
      }
      case "lost": {
        // The broker has given up all that it had of this member.
        const error = blocked(name, operation.silentMs);
        holdings.loseAll(error);
        giveUp(error);
        return sayHello();
      }
      case "request":
        return served.serve(operation, body);
      case "abort":
        return served.abortOne(operation.c);
      case "tapped":
        return watching.take({ ...operation, ...unpack({ head: operation.head, bytes: body }) });
      case "missed":
        return watching.miss(operation.copies);
      default:
        // Told now, since what passes from here on is shown.
        if (operation.n === tappedAgain) return watching.miss(undefined);
        return conversation.answer({ operation, body });
    }
  }

  function beRefused(code: string, reason: string): void {
    if (code === "ERR_ENGINE_UNREACHABLE") return; // an earlier batch has reached a broker that does not know this member
    trouble = `its broker refuses this program: ${reason}`;
    up.reject(new ZcontextError("ERR_ENGINE_REFUSED", `engine ${name}: ${trouble}`));
  }

  /** Shows that the event loop turns, and gives up what has waited for too long. */
  function onBeat(): void {
    if (!conversation.isWelcome) conversation.failOld(unreachable(name, trouble ?? "not connected"));
    else sayHeard();
    conversation.beat(BEAT_MS);
  }

  function sayHeard(): void {
    const news = heardNews();
    if (news.length > 0) say({ op: "heard", signals: news });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    clearInterval(beat);
    if (conversation.isWelcome) sayHeard();
    const error = unreachable(name, "it is closed");
    conversation.close(error);
    served.abort(error);
    holdings.loseAll(error);
    await Promise.all([channel.close(), signals.close()]);
  }

  return {
    up: up.promise,
    name,
    get trouble() {
      return trouble;
    },
    emit: createEmit(conversation, () => stored),
    listen: listening.listen,
    publish: signals.publish,
    subscribe: signals.subscribe,
    signalFigures: signals.signalFigures,
    call: createCall(conversation),
    serve: createServe(conversation, served),
    operations: createOperations(conversation, watching, signals.tap),
    close,
    [Symbol.asyncDispose]: close,
  };
}
