// The dead letters of the broker: events that their group has given up, with the reason. Bounded by number and age. Pure.
import type { DeadLetter } from "../../contract/engine.ts";
import type { Settlement } from "../operations.ts";
import type { Entry } from "./group-queue.ts";
import type { Remains, StoredLetter, Write } from "./store.ts";

export interface LetterLimits {
  /** Dead letters. */
  letters: number;
  /** How long one is kept, in milliseconds. */
  letterMs: number;
}

interface LetterOutlet {
  keep(write: Write): void;
  bodyOf(seq: number): Buffer;
  letterBody(id: string): Buffer;
}

export interface Letters {
  add(
    queue: { g: number; event: string; group: string },
    dead: Entry,
    settlement: Settlement & { verdict: "dead" },
    nowMs: number,
  ): void;
  list(filter: { event?: string | undefined; group?: string | undefined }): DeadLetter[];
  show(id: string): { letter: DeadLetter; head: number; body: Buffer } | undefined;
  /** Removes one for another attempt. */
  take(id: string): (StoredLetter & { body: Buffer }) | undefined;
  /** @returns How many there were. */
  discard(ids: readonly string[]): number;
  countOf(g: number): number;
  /** Removes those that are too old. */
  expire(nowMs: number): void;
  /** How many were removed for age or number. */
  readonly expired: number;
}

export function createLetters(outlet: LetterOutlet, remains: Remains["letters"], limits: LetterLimits): Letters {
  /** The oldest first. */
  const letters = new Map<string, StoredLetter>();
  const counts = new Map<number, number>();
  let expired = 0;
  const countOf = (g: number) => counts.get(g) ?? 0;
  for (const letter of remains) insert(letter);

  function insert(letter: StoredLetter): void {
    letters.set(letter.id, letter);
    counts.set(letter.g, countOf(letter.g) + 1);
  }

  function remove(letter: StoredLetter): void {
    letters.delete(letter.id);
    counts.set(letter.g, countOf(letter.g) - 1);
    outlet.keep({ remove: "letter", id: letter.id });
  }

  return {
    add({ g, event, group }, { held, attempt, firstAt }, { reason, failure, handler }, nowMs) {
      const { seq, head, id: event_id } = held;
      const error = {
        name: failure.remote?.name ?? failure.code,
        message: failure.message,
        ...stackOf(failure.remote),
      };
      const id = `${g}-${seq.toString(36)}`;
      const letter: StoredLetter = {
        ...{ id, event, group, reason, attempts: attempt, first_at: firstAt, last_at: nowMs, handler, error },
        ...{ g, event_id, head },
      };
      insert(letter);
      outlet.keep({ put: "letter", value: letter, body: held.body ?? outlet.bodyOf(seq) });
      for (const [, oldest] of letters) {
        if (letters.size <= limits.letters) break;
        remove(oldest);
        expired += 1;
      }
    },
    list: ({ event, group }) =>
      [...letters.values()]
        .filter((letter) => (event ?? letter.event) === letter.event && (group ?? letter.group) === letter.group)
        .map(publicPart),
    show(id) {
      const letter = letters.get(id);
      return letter && { letter: publicPart(letter), head: letter.head, body: outlet.letterBody(id) };
    },
    take(id) {
      const letter = letters.get(id);
      if (letter === undefined) return undefined;
      const body = outlet.letterBody(id);
      remove(letter);
      return { ...letter, body };
    },
    discard(ids) {
      const found = ids.flatMap((id) => letters.get(id) ?? []);
      for (const letter of found) remove(letter);
      return found.length;
    },
    countOf,
    expire(nowMs) {
      for (const [, letter] of letters) {
        if (letter.last_at + limits.letterMs > nowMs) break;
        remove(letter);
        expired += 1;
      }
    },
    get expired() {
      return expired;
    },
  };
}

function publicPart({ g: _, event_id: __, head: ___, ...letter }: StoredLetter): DeadLetter {
  return letter;
}

function stackOf(remote: { stack?: string } | undefined): { stack?: string } {
  return remote?.stack === undefined ? {} : { stack: remote.stack };
}
