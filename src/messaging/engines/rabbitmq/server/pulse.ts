// Asks the server every few seconds, and says for how long it owes an answer: one that hangs keeps its connections open. Pure.

export interface Pulse {
  /** To be called each second while the server can be reached. */
  beat(): void;
  /** The connection is gone, and no answer comes. */
  lose(): void;
  /** Why the server is taken for one that hangs; undefined while it answers. */
  readonly trouble: string | undefined;
}

const EVERY_MS = 2_000;
/** A busy server may take so long. */
const PATIENCE_MS = 5_000;

/**
 * @param ask - Resolves or rejects when the server has answered.
 * @param nowMs - The monotonic clock.
 */
export function createPulse(ask: () => Promise<unknown>, nowMs: () => number): Pulse {
  let askedMs = Number.NEGATIVE_INFINITY;
  let question: object | undefined;

  return {
    beat() {
      if (question !== undefined || nowMs() - askedMs < EVERY_MS) return;
      const mine = {};
      question = mine;
      askedMs = nowMs();
      const end = () => {
        if (question === mine) question = undefined;
      };
      ask().then(end, end);
    },
    lose() {
      question = undefined;
    },
    get trouble() {
      const silentMs = question === undefined ? 0 : nowMs() - askedMs;
      if (silentMs < PATIENCE_MS) return undefined;
      return `engine rabbitmq: the server has not answered for ${Math.floor(silentMs / 1_000)} s`;
    },
  };
}
