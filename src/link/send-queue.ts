// Sends many messages without waiting for each, within a bound and in order. A socket answers a send at once (its timeout is
// 0): it takes the message, or refuses it because its own queue is full. What is refused is sent again later; only what was
// refused before another one was taken is lost, for it would arrive out of order.
import { type Deferred, deferred } from "../deferred.ts";
import { HIGH_WATER_MARK } from "./limits.ts";

// A text costs a third of what bytes do: ZeroMQ's own thread gives bytes above 128 back to this one when they are sent.
/** The frames of one message. */
export type Frames = Part | Part[];
type Part = Buffer | string;

export interface SendQueue {
  /** Messages given up since the start. */
  readonly lost: number;
  /** Whether another message can be added without giving up one. */
  hasRoom(): boolean;
  /** Adds a message; where there is no room the oldest one is given up. */
  add(message: Frames): void;
  /** Begins to send. */
  open(): void;
  /** Ends: resolves when everything is sent, or the time is over. What is left then is given up. */
  close(patienceMs: number): Promise<void>;
}

/** Bytes kept at most, beside the bound of messages. */
const MAX_BYTES = 64 * 2 ** 20;
/** Messages sent in one turn of the event loop before the first answer is looked at. */
const MOST_AT_ONCE = 512;
/** Pause after a refusal, in milliseconds. */
const REST_MS = 5;

/** @param send - Rejects what is refused. All sends of a turn are answered in their order. */
export function createSendQueue(send: (message: Frames) => Promise<void>): SendQueue {
  const waiting: Frames[] = [];
  let waitingBytes = 0;
  let isOpen = false;
  let lost = 0;
  /** Sent, and not all answered yet. */
  let burst: Frames[] = [];
  let answered = 0;
  let lastTaken = -1;
  let refused: number[] = [];
  /** Few after a refusal, so that few are refused again. */
  let most = MOST_AT_ONCE;
  let resting: NodeJS.Timeout | undefined;
  let emptied: Deferred<void> | undefined;

  function trySend(message: Frames): void {
    burst.push(message);
    send(message).then(onTaken, onRefused);
  }

  function onTaken(): void {
    lastTaken = answered;
    onAnswer();
  }

  function onRefused(): void {
    refused.push(answered);
    onAnswer();
  }

  function onAnswer(): void {
    answered += 1;
    if (answered === burst.length) endBurst();
  }

  function endBurst(): void {
    if (refused.length > 0) putBack();
    else most = Math.min(2 * most, MOST_AT_ONCE);
    burst = [];
    answered = 0;
    lastTaken = -1;
    if (resting === undefined) sendWaiting();
    if (burst.length === 0 && waiting.length === 0) emptied?.resolve();
  }

  function putBack(): void {
    const again = refused.filter((index) => index > lastTaken).flatMap((index) => burst.slice(index, index + 1));
    lost += refused.length - again.length;
    refused = [];
    waiting.unshift(...again);
    waitingBytes += bytesOf(again);
    most = 1;
    resting = setTimeout(() => {
      resting = undefined;
      sendWaiting();
    }, REST_MS);
  }

  function sendWaiting(): void {
    const next = waiting.splice(0, most - burst.length);
    waitingBytes -= bytesOf(next);
    next.forEach(trySend);
  }

  const hasRoom = () => waiting.length < HIGH_WATER_MARK && (waitingBytes < MAX_BYTES || waiting.length === 0);
  const maySend = () => isOpen && waiting.length === 0 && resting === undefined && burst.length < most;

  return {
    get lost() {
      return lost;
    },
    hasRoom,
    add(message) {
      if (maySend()) return trySend(message);
      while (!hasRoom()) {
        waitingBytes -= bytesOf(waiting.splice(0, 1));
        lost += 1;
      }
      waiting.push(message);
      waitingBytes += bytesOf([message]);
    },
    open() {
      isOpen = true;
      if (burst.length === 0 && resting === undefined) sendWaiting();
    },
    async close(patienceMs) {
      if (burst.length === 0 && (waiting.length === 0 || !isOpen)) return;
      emptied = deferred();
      const late = setTimeout(emptied.resolve, patienceMs);
      await emptied.promise;
      clearTimeout(late);
      clearTimeout(resting);
      lost += waiting.splice(0).length;
    },
  };
}

function bytesOf(messages: readonly Frames[]): number {
  return messages.flat().reduce((sum, frame) => sum + frame.length, 0);
}
