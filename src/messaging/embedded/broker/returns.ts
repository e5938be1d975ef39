// The members of a former broker: until they are back with what they hold, nothing of it is given to others, and a service
// without an instance may be one of theirs. Pure.
import type { StoredMember } from "./store.ts";

export interface Returns {
  readonly areAllBack: boolean;
  /** Those that are awaited. */
  list(): StoredMember[];
  /** One has said what it holds, listens to and serves, or does not live any more. @returns Whether it was awaited. */
  end(member: string): boolean;
  /** What follows from the passing of time. */
  advance(nowMs: number): void;
}

/** How long they have to come back, in milliseconds. */
const RETURN_MS = 5_000;
/** The same where the members are not known. */
const BLIND_MS = 1_000;

/** @param members - Of the former broker; undefined where there was one and it is not known which they are. */
export function createReturns(members: Iterable<StoredMember> | undefined, nowMs: number): Returns {
  const awaited = new Map([...(members ?? [])].map((member) => [member.id, member]));
  let isBlind = members === undefined;
  const untilMs = nowMs + (isBlind ? BLIND_MS : RETURN_MS);

  return {
    get areAllBack() {
      return awaited.size === 0 && !isBlind;
    },
    list: () => [...awaited.values()],
    end: (member) => awaited.delete(member),
    advance(atMs) {
      if (atMs < untilMs) return;
      awaited.clear();
      isBlind = false;
    },
  };
}
