// What members tell each other beside events: what they have of each group, and who watches which events. Neither is known to
// the server. Events are copied by whoever emits them, and only while somebody watches: a queue of the watcher at their
// exchange would make the server take an event for wanted that no group wants.
import { setTimeout as pause } from "node:timers/promises";
import { listOf, notNegative, object, optional, read, text } from "../../../../protocol/schema.ts";
import { unfailing } from "../../../../unfailing.ts";
import type { OutgoingEvent, Subscription, TappedMessage } from "../../../contract/engine.ts";
import type { Envelope } from "../../../contract/envelope.ts";
import { isLike } from "../../../embedded/taps.ts";
import type { Post } from "../../../remote/post.ts";

/** What one member has of a group. */
export interface Share {
  event: string;
  group: string;
  in_flight: number;
  delayed: number;
  rate_per_s: number;
}

export interface Members {
  /** What all members have. Waits until there are answers for so many members of groups, within a bound. */
  ask(members: number): Promise<Share[]>;
  /** Copies an event to those that watch it. */
  copy(event: OutgoingEvent): void;
  tapEvents(patterns: readonly string[], add: (event: TappedMessage) => void): Promise<Subscription>;
  close(): Promise<void>;
}

const ASK = "zc.members.ask";
const WATCH = "zc.members.watch";
const NOTHING: Buffer = Buffer.alloc(0);
/** How long answers are waited for, and how long whoever emits may take to hear of a watcher, in milliseconds. */
const ANSWER_MS = 1_000;
const HEARD_MS = 250;
/** How often a watcher says so, and for how long that holds. */
const WATCH_EVERY_MS = 2_000;
const WATCH_FOR_MS = 10_000;

const SHARE = object({
  event: text,
  group: text,
  in_flight: notNegative,
  delayed: notNegative,
  rate_per_s: notNegative,
});
const ANSWER = object({ shares: listOf(SHARE, "a list of shares"), members: notNegative });
const WATCHER = object({ address: text, patterns: listOf(text, "a list of patterns") });
const COPY = object({ name: text, envelope: text });
const QUESTION = object({ to: optional(text) });

/**
 * @param address - Of this member: one word that no other has.
 * @param shares - What this member has.
 * @param nowMs - The monotonic clock.
 */
export function createMembers(
  post: Post,
  address: string,
  shares: () => { shares: Share[]; members: number },
  nowMs: () => number,
): Members {
  const watchers = new Map<string, { patterns: readonly string[]; untilMs: number }>();
  const answers = `zc.members.to.${address}`;
  const copies = `zc.members.copies.${address}`;
  const send = (subject: string, value: object, body = NOTHING) =>
    post.send(subject, { head: JSON.stringify(value), body });

  const asked = post.receive(ASK, undefined, ({ head }) => {
    const { to } = parse(QUESTION, head) ?? {};
    const own = shares();
    if (to !== undefined && (own.shares.length > 0 || own.members > 0)) send(to, own);
  });
  const watched = post.receive(WATCH, undefined, ({ head }) => {
    const watcher = parse(WATCHER, head);
    if (watcher === undefined) return;
    if (watcher.patterns.length === 0) watchers.delete(watcher.address);
    else watchers.set(watcher.address, { patterns: watcher.patterns, untilMs: nowMs() + WATCH_FOR_MS });
  });
  for (const receiving of [asked, watched]) receiving.catch(() => {});

  return {
    async ask(members) {
      const heard: Share[] = [];
      let missing = members;
      const all = new AbortController();
      await using _ = await post.receive(answers, undefined, ({ head }) => {
        const answer = parse(ANSWER, head);
        if (answer === undefined) return;
        heard.push(...answer.shares);
        missing -= answer.members;
        if (missing <= 0) all.abort();
      });
      if (missing <= 0) return heard;
      send(ASK, { to: answers });
      await pause(ANSWER_MS, undefined, { signal: all.signal }).catch(() => {});
      return heard;
    },
    copy({ name, envelope, body }) {
      for (const [watcher, { patterns, untilMs }] of watchers) {
        if (untilMs < nowMs()) watchers.delete(watcher);
        else if (patterns.some((pattern) => isLike(pattern, name)))
          unfailing(send, () => {})(`zc.members.copies.${watcher}`, { name, envelope: JSON.stringify(envelope) }, body);
      }
    },
    async tapEvents(patterns, add) {
      const receiving = await post.receive(copies, undefined, ({ head, body }) => {
        const copy = parse(COPY, head);
        if (copy === undefined) return;
        const envelope: Envelope = JSON.parse(copy.envelope);
        add({ kind: "event", name: copy.name, envelope, body });
      });
      const say = () => send(WATCH, { address, patterns });
      say();
      const saying = setInterval(say, WATCH_EVERY_MS).unref();
      await pause(HEARD_MS);
      const close = async () => {
        clearInterval(saying);
        send(WATCH, { address, patterns: [] });
        await receiving.close();
      };
      return { close, [Symbol.asyncDispose]: close };
    },
    async close() {
      for (const receiving of [asked, watched]) await receiving.then((open) => open.close()).catch(() => {});
    },
  };
}

function parse<T>(schema: Parameters<typeof read<T>>[0], head: string): T | undefined {
  try {
    return read(schema, JSON.parse(head)).value;
  } catch {
    return undefined;
  }
}
