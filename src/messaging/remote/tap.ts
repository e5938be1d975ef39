// Copies of what passes over a server, for one program that watches: bounded, and handled one after the other.
import { ZcontextError } from "../../errors.ts";
import type { Operations, Signal, Subscription, TappedMessage } from "../contract/engine.ts";
import { createTaps } from "../embedded/taps.ts";
import { readHead } from "./heads.ts";
import type { Post } from "./post.ts";
import { calledMethod, subjects } from "./subjects.ts";

export interface TapSources {
  post: Post;
  /** Hears the signals on all topics. */
  tapSignals(handler: (signal: Signal) => void): Promise<Subscription>;
  /** Gets copies of the events like one of the patterns, from now on; others may be among them. */
  tapEvents(patterns: readonly string[], add: (event: TappedMessage) => void): Promise<Subscription>;
}

/** Of the only tap of this member. */
const SELF = "";

export function createServerTap({ post, tapSignals, tapEvents }: TapSources): Operations["tap"] {
  let isOpen = false;
  return async ({ events, calls, signals }, handler) => {
    if (isOpen) throw new ZcontextError("ERR_USAGE", "this program watches already");
    isOpen = true;
    let last = Promise.resolve();
    const inTurn = (work: () => Promise<void> | void) => {
      last = last.then(() => (isOpen ? work() : undefined));
    };
    const taps = createTaps<TappedMessage>({
      tapped: (_, message) =>
        inTurn(async () => {
          await handler.onMessage(message);
          taps.taken(SELF, 1);
        }),
      missed: (_, copies) => inTurn(() => handler.onMissed(copies)),
    });
    taps.open(SELF, { events, calls, signals });
    const sources: Promise<Subscription>[] = [];
    if (events.length > 0) sources.push(tapEvents(events, taps.copy));
    if (calls.length > 0) sources.push(tapCalls(post, taps.copy));
    if (signals.length > 0) sources.push(tapSignals((signal) => taps.copy(copyOf(signal))));
    const close = async () => {
      isOpen = false;
      await Promise.all(sources.map(async (source) => (await source).close()));
    };
    try {
      await Promise.all(sources);
    } catch (error) {
      isOpen = false;
      throw error;
    }
    return { close, [Symbol.asyncDispose]: close };
  };
}

function tapCalls(post: Post, add: (call: TappedMessage) => void): Promise<Subscription> {
  return post.receive(subjects.everyCall, undefined, ({ head: text, body }, subject) => {
    const head = readHead(text);
    if (head?.t === "call") add({ kind: "call", name: calledMethod(subject), envelope: head.envelope, body });
  });
}

function copyOf({ topic, envelope, body }: Signal): TappedMessage {
  return { kind: "signal", name: topic, envelope, body: Buffer.from(body) };
}
