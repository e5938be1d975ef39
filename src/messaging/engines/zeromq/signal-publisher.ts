// The publishing half of signals: numbers and sends them, and states the totals by which subscribers know what they have
// lost. Totals go out before the first signal on a topic, each second while something changes and once afterwards, to each
// new subscriber, and at the end.

import { ZcontextError } from "../../../errors.ts";
import { MAX_FRAME_BYTES } from "../../../protocol/codec.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import { encodeSignal, headerMembers, signalStart } from "../../../protocol/signal-frame.ts";
import type { Signal, SignalFigures } from "../../contract/engine.ts";
import type { SignalOutbox } from "./signal-outbox.ts";
import { COUNTS_TOPIC, PROBE_PREFIX, writeTotals } from "./signal-topics.ts";

export interface SignalPublisher {
  publish(signal: Signal): void;
  published(): SignalFigures["published"];
  /** States the totals for the last time. */
  end(): void;
}

export interface PublisherOptions {
  outbox: SignalOutbox;
  /** `context/service/instance`. */
  src: string;
  /** What old listeners expect in a header. */
  header: JsonObject;
}

/** Pause between two statements of the totals while something changes, in milliseconds. */
const STATE_MS = 1_000;
/** How long subscribers that come one after the other are waited for, so that one statement answers them all; in milliseconds. */
const ANSWER_MS = 10;

export function createSignalPublisher({ outbox, src, header }: PublisherOptions): SignalPublisher {
  const starts = new Map<string, string>();
  const fixed = headerMembers({ src, action: "published", ...header });
  const stated = new Map<string, number>();
  let stating: NodeJS.Timeout | undefined;
  let answering: NodeJS.Timeout | undefined;

  const totals = () => new Map([...starts.keys()].map((topic) => [topic, outbox.published.get(topic) ?? 0]));

  function onSubscribed(topic: string): void {
    if (topic.startsWith(PROBE_PREFIX)) answering ??= setTimeout(answer, ANSWER_MS).unref();
  }

  function answer(): void {
    answering = undefined;
    state(totals());
  }

  /** What has changed since it was stated last. */
  function stateChanges(): void {
    stating = undefined;
    const changed = new Map([...totals()].filter(([topic, total]) => stated.get(topic) !== total));
    if (changed.size === 0) return;
    state(changed);
    stateSoon();
  }

  function stateSoon(): void {
    stating ??= setTimeout(stateChanges, STATE_MS).unref();
  }

  function state(totals: ReadonlyMap<string, number>, isLast = false): void {
    try {
      sayTotals(totals, isLast);
      for (const [topic, total] of totals) stated.set(topic, total);
    } catch {
      // Too many messages wait already: it is repeated.
    }
  }

  function sayTotals(totals: ReadonlyMap<string, number>, isLast: boolean): void {
    post(COUNTS_TOPIC, fixed, JSON.stringify(writeTotals(totals, isLast)), []);
  }

  function post(topic: string, members: string, content: string, attachments: readonly Buffer[]): void {
    const start = starts.get(topic) ?? signalStart(topic, outbox.incarnation);
    outbox.post(topic, (sequence) => {
      const frame = encodeSignal(start, sequence, members, content);
      return attachments.length === 0 ? frame : [frame, ...attachments];
    });
  }

  function begin(topic: string): void {
    const total = outbox.published.get(topic) ?? 0;
    sayTotals(new Map([[topic, total]]), false);
    if (starts.size === 0) outbox.onSubscribed(onSubscribed);
    starts.set(topic, signalStart(topic, outbox.incarnation));
    stated.set(topic, total);
  }

  return {
    publish({ topic, envelope, body, attachments }) {
      if (!starts.has(topic)) begin(topic);
      if (body.length > MAX_FRAME_BYTES) throw tooLarge(topic, "content", body.length);
      for (const { length } of attachments)
        if (length > MAX_FRAME_BYTES) throw tooLarge(topic, "an attachment", length);
      const { id, sent, session_id: session, traceparent } = envelope;
      const own = session === id ? "" : headerMembers({ session_id: session });
      const members = `,"id":"${id}","sent":${sent},"traceparent":"${traceparent}"${own}${fixed}`;
      post(topic, members, body, attachments);
      stateSoon();
    },
    published: () => [...totals()].map(([topic, published]) => ({ topic, published })),
    end() {
      clearTimeout(stating);
      clearTimeout(answering);
      if (starts.size > 0) state(totals(), true);
    },
  };
}

function tooLarge(topic: string, what: string, length: number): ZcontextError {
  return new ZcontextError(
    "ERR_MESSAGE_TOO_LARGE",
    `signal on ${topic}: ${what} of ${length} bytes, the limit is ${MAX_FRAME_BYTES}`,
    { hint: "Publish it in parts, or put it into a file and publish its path." },
  );
}
