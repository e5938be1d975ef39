// Signals over a server that only moves messages. A publisher numbers its signals on each topic and states its totals, by
// which subscribers know what they have lost. The body is the content as JSON, so that foreign programs read and send them.
import { ZcontextError } from "../../errors.ts";
import type { HeardCounts, Signal, SignalFigures, Subscription } from "../contract/engine.ts";
import { createHeardSignals } from "../contract/heard-signals.ts";
import { subscriptionOf } from "../contract/subscription.ts";
import { readHead, writeHead } from "./heads.ts";
import type { Parcel, Post } from "./post.ts";
import { nameOf, subjects } from "./subjects.ts";

export interface RemoteSignals {
  publish(signal: Signal): void;
  subscribe(topic: string, queue: string | undefined, handler: Handler): Promise<Subscription>;
  /** Hears the signals on all topics. */
  tap(handler: Handler): Promise<Subscription>;
  signalFigures(): SignalFigures;
  /** The server can be reached again: what was lost meanwhile shows in the totals. */
  up(): void;
  /** States the totals for the last time. */
  close(): Promise<void>;
}

export interface RemoteSignalOptions {
  post: Post;
  /** One life of this member: a word that no other has. */
  life: string;
  /** `context/service/instance`. */
  src: string;
}

type Handler = (signal: Signal) => void;

/** Pause between two statements of the totals while something changes, in milliseconds. */
const STATE_MS = 1_000;
/** As a frame of the embedded engine. */
const LARGEST_BYTES = 8 * 2 ** 20;
const NOTHING: Buffer = Buffer.alloc(0);

export function createRemoteSignals({ post, life, src }: RemoteSignalOptions): RemoteSignals {
  const published = new Map<string, number>();
  const stated = new Map<string, number>();
  const heard = createHeardSignals();
  /** How many subscriptions follow a topic. */
  const followers = new Map<string, number>();
  /** What members of queues have received. They do not get every signal, and so can't know what is lost. */
  const queued = new Map<string, HeardCounts>();
  let stating: NodeJS.Timeout | undefined;
  let asking: Promise<Subscription> | undefined;
  let hearing: Promise<Subscription> | undefined;

  function state(totals: ReadonlyMap<string, number>, isLast: boolean): void {
    const head = { t: "totals" as const, life, publisher: src, totals: Object.fromEntries(totals), isLast };
    post.send(subjects.totals, { head: writeHead(head), body: NOTHING });
    for (const [topic, total] of totals) stated.set(topic, total);
  }

  /** What has changed since it was stated last. */
  function stateChanges(): void {
    stating = undefined;
    const changed = new Map([...published].filter(([topic, total]) => stated.get(topic) !== total));
    if (changed.size === 0) return;
    try {
      state(changed, false);
    } catch {
      // Too much waits already: it is repeated.
    }
    stateSoon();
  }

  function stateSoon(): void {
    stating ??= setTimeout(stateChanges, STATE_MS).unref();
  }

  function begin(topic: string): void {
    asking ??= post.receive(subjects.askTotals, undefined, () => state(published, false));
    asking.catch(() => {});
    state(new Map([[topic, 0]]), false);
  }

  /** Totals come behind all that was published before: what is missing then is lost. */
  function hearTotals({ head: text }: Parcel): void {
    const head = readHead(text);
    if (head?.t !== "totals") return;
    heard.state({ incarnation: head.life, ...head, totals: new Map(Object.entries(head.totals)) });
    heard.missing()?.();
  }

  function count(topic: string, parcel: Parcel): Signal | undefined {
    const { signal, life: from, seq } = signalIn(topic, parcel);
    if (from !== undefined) heard.hear(topic, from, seq, () => signal.envelope.src);
    return signal;
  }

  function countQueued(topic: string, parcel: Parcel): Signal {
    const { signal } = signalIn(topic, parcel);
    const { src: publisher } = signal.envelope;
    const key = `${topic} ${publisher}`;
    const counts = queued.get(key) ?? { topic, publisher, received: 0, lost: 0 };
    queued.set(key, { ...counts, received: counts.received + 1 });
    return signal;
  }

  async function follow(topic: string): Promise<void> {
    followers.set(topic, (followers.get(topic) ?? 0) + 1);
    heard.follow(topic);
    hearing ??= post.receive(subjects.totals, undefined, hearTotals);
    await hearing;
  }

  function unfollow(topic: string): void {
    const left = (followers.get(topic) ?? 1) - 1;
    followers.set(topic, left);
    if (left > 0) return;
    followers.delete(topic);
    heard.unfollow(topic);
  }

  return {
    publish({ topic, envelope, body: content, attachments }) {
      if (!published.has(topic)) begin(topic);
      const body =
        attachments.length === 0 ? Buffer.from(content) : Buffer.concat([Buffer.from(content), ...attachments]);
      if (body.length > LARGEST_BYTES) throw tooLarge(topic, body.length);
      const seq = (published.get(topic) ?? 0) + 1;
      const attached = attachments.map(({ length }) => length);
      const head = { t: "signal" as const, life, seq, envelope, ...(attached.length > 0 && { attached }) };
      post.send(subjects.signal(topic), { head: writeHead(head), body });
      published.set(topic, seq);
      stateSoon();
    },
    async subscribe(topic, queue, handler) {
      const isWhole = queue === undefined;
      if (isWhole) await follow(topic);
      const take = isWhole ? count : countQueued;
      const subscription = await post.receive(subjects.signal(topic), queue, (parcel) => {
        const signal = take(topic, parcel);
        if (signal !== undefined) handler(signal);
      });
      if (isWhole) post.send(subjects.askTotals, { head: "", body: NOTHING });
      return subscriptionOf(async () => {
        await subscription.close();
        if (isWhole) unfollow(topic);
      });
    },
    tap: (handler) =>
      post.receive(subjects.everySignal, undefined, (parcel, subject) => {
        handler(signalIn(nameOf(subject), parcel).signal);
      }),
    signalFigures: () => ({
      published: [...published].map(([topic, count]) => ({ topic, published: count })),
      heard: [...heard.counts(), ...queued.values()],
    }),
    up() {
      if (hearing !== undefined) post.send(subjects.askTotals, { head: "", body: NOTHING });
    },
    async close() {
      clearTimeout(stating);
      if (published.size > 0) state(published, true);
      for (const subscription of [asking, hearing]) await subscription?.then((open) => open.close()).catch(() => {});
    },
  };
}

/** A signal as it was published, or one of a foreign program, which has a body alone. */
function signalIn(topic: string, { head: text, body }: Parcel): { signal: Signal; life?: string; seq: number } {
  const head = readHead(text);
  if (head?.t !== "signal") {
    const envelope = { id: "", src: "", sent: Date.now(), session_id: "", traceparent: "" };
    return { signal: { topic, envelope, body: body.toString(), attachments: [] }, seq: 0 };
  }
  const { life, seq, envelope, attached = [] } = head;
  const ends = attached.reduce((sum, size) => sum + size, 0);
  let at = Math.max(0, body.length - ends);
  const content = body.toString("utf8", 0, at);
  const attachments = attached.map((size) => {
    const attachment = body.subarray(at, at + size);
    at += size;
    return attachment;
  });
  return { signal: { topic, envelope, body: content, attachments }, life, seq };
}

function tooLarge(topic: string, length: number): ZcontextError {
  return new ZcontextError(
    "ERR_MESSAGE_TOO_LARGE",
    `signal on ${topic}: ${length} bytes with its attachments, the limit is ${LARGEST_BYTES}`,
    { hint: "Publish it in parts, or put it into a file and publish its path." },
  );
}
