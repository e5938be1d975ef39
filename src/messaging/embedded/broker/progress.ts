// How far each group is with an event. The store has a mark of it where it is not the first attempt any more, and forgets the
// event once all groups have settled it. Pure.
import type { Entry, GroupQueue, Held } from "./group-queue.ts";
import { SETTLED, type Write } from "./store.ts";

export interface Progress {
  /** The event goes to a group. */
  begin(queue: GroupQueue, entry: Entry): void;
  /** The group has to try once more. */
  nextAttempt(queue: GroupQueue, entry: Entry): Entry;
  /** The group is done with the event. */
  settle(queue: GroupQueue, entry: Entry): void;
  /** No group has it any more. */
  forget(held: Held): void;
}

/** @param keep - Keeps a change. */
export function createProgress(keep: (write: Write) => void): Progress {
  function mark({ g }: GroupQueue, { held, attempt, firstAt }: Entry): void {
    noteMark(held, g);
    keep({ put: "mark", key: { g, seq: held.seq }, attempt, firstAt });
  }

  function forget(held: Held): void {
    keep({ remove: "event", seq: held.seq });
    for (const g of held.marked ?? []) keep({ remove: "mark", key: { g, seq: held.seq } });
  }

  return {
    begin(queue, entry) {
      entry.held.open += 1;
      queue.put(entry);
    },
    nextAttempt(queue, entry) {
      const next: Entry = { ...entry, attempt: entry.attempt + 1 };
      mark(queue, next);
      return next;
    },
    settle(queue, entry) {
      const { held } = entry;
      queue.drop(entry);
      held.open -= 1;
      if (held.open === 0) forget(held);
      else mark(queue, { held, attempt: SETTLED, firstAt: 0 });
    },
    forget,
  };
}

/** The store has a mark of this group. */
export function noteMark(held: Held, g: number): void {
  held.marked ??= [];
  if (!held.marked.includes(g)) held.marked.push(g);
}
