// Sends how the transactions stand, at most once in a period, and how they have ended, where that has changed.
import type { TransactionSnapshot } from "../contract/api.ts";
import type { EndedTransaction } from "../contract/source.ts";
import type { FanOut } from "./fan-out.ts";

/** The channel of all that is no output of a task. */
export const EVENTS = "events";

/** The event `state` is sent at most once in this time, in milliseconds. */
const PERIOD_MS = 100;

interface StateSenderOptions {
  fanOut: FanOut;
  /** What the provider has of those that are over: another array after every change. */
  ended(): readonly EndedTransaction[] | undefined;
  /** What is sent of those that are open, and of those that are over. */
  open(): readonly TransactionSnapshot[];
  over(): readonly TransactionSnapshot[];
}

export interface StateSender {
  changed(): void;
  close(): void;
}

export function createStateSender({ fanOut, ended, open, over }: StateSenderOptions): StateSender {
  let sentEnded: readonly EndedTransaction[] | undefined;
  let timer: NodeJS.Timeout | undefined;

  function send(): void {
    const now = ended();
    if (now !== sentEnded) fanOut.send(EVENTS, "ended", over());
    sentEnded = now;
    if (fanOut.listeners > 0) fanOut.send(EVENTS, "state", open());
  }

  return {
    changed() {
      timer ??= setTimeout(() => {
        timer = undefined;
        send();
      }, PERIOD_MS);
    },
    close: () => clearTimeout(timer),
  };
}
