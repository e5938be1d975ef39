// What members have decided about events, until the server has it for sure: what was said while it was away, or may have been
// lost with a connection, is said again.
import type { Link, Session } from "./link.ts";

export interface Settlements {
  /** @param reply - Where the server waits for what becomes of the delivery. */
  say(reply: string, words: string): void;
  /** That a member is still at it, which need not arrive. */
  working(reply: string): void;
  up(session: Session): void;
  /** Asks the server whether it has what was said. */
  confirm(): void;
}

export const ACK = "+ACK";
/** Without a reason: servers of 2.9 ignore one with it. */
export const NEVER = "+TERM";

const NS_PER_MS = 1_000_000;

/** @param delayMs - The event does not come back before that. */
export function again(delayMs: number): string {
  return delayMs <= 0 ? "-NAK" : `-NAK ${JSON.stringify({ delay: Math.ceil(delayMs) * NS_PER_MS })}`;
}

const WORKING = "+WPI";
/** So many are confirmed without waiting for the next time. */
const MANY = 1_000;

export function createSettlements(link: Link): Settlements {
  let unconfirmed = new Map<string, string>();
  let isConfirming = false;

  async function ask(): Promise<void> {
    const { session } = link;
    if (isConfirming || unconfirmed.size === 0 || session === undefined) return;
    isConfirming = true;
    const asked = unconfirmed;
    unconfirmed = new Map();
    try {
      await session.nc.flush();
    } catch {
      unconfirmed = new Map([...asked, ...unconfirmed]);
    }
    isConfirming = false;
  }

  return {
    say(reply, words) {
      unconfirmed.set(reply, words);
      link.session?.nc.publish(reply, words);
      if (unconfirmed.size >= MANY) void ask();
    },
    working: (reply) => link.session?.nc.publish(reply, WORKING),
    up({ nc }) {
      for (const [reply, words] of unconfirmed) nc.publish(reply, words);
    },
    confirm: () => void ask(),
  };
}
