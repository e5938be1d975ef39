// The dead letters of the broker: events that their group has given up, with the reason. Bounded by number and age. Pure.
import type { DeadLetter } from "../contract/engine.ts";
import type { Envelope } from "../contract/envelope.ts";
import type { Entry } from "./group-queue.ts";
import type { Settlement } from "./operations.ts";
import type { Remains, Write } from "./store.ts";

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

type Letter = DeadLetter & { g: number; envelope: Envelope };

export interface Letters {
  add(
    queue: { g: number; event: string; group: string },
    dead: Entry,
    settlement: Settlement & { verdict: "dead" },
    nowMs: number,
  ): void;
  list(filter: { event?: string | undefined; group?: string | undefined }): DeadLetter[];
  show(id: string): { letter: DeadLetter; body: Buffer } | undefined;
  /** Removes one for another attempt. */
  take(id: string): (Letter & { body: Buffer }) | undefined;
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
  const letters = new Map<string, Letter>();
  const counts = new Map<number, number>();
  let expired = 0;
  for (const letter of remains) insert(letter);

  function insert(letter: Letter): void {
    letters.set(letter.id, letter);
    counts.set(letter.g, countOf(letter.g) + 1);
  }

  function remove(letter: Letter): void {
    letters.delete(letter.id);
    counts.set(letter.g, countOf(letter.g) - 1);
    outlet.keep({ remove: "letter", id: letter.id });
  }

  const countOf = (g: number) => counts.get(g) ?? 0;

  return {
    add({ g, event, group }, { held, attempt, firstAt }, { reason, failure, handler }, nowMs) {
      const { seq, envelope } = held;
      const error = {
        name: failure.remote?.name ?? failure.code,
        message: failure.message,
        ...stackOf(failure.remote),
      };
      const id = `${g}-${seq}`;
      const letter: Letter = {
        ...{ id, event, group, reason, attempts: attempt, first_at: firstAt, last_at: nowMs, handler, error },
        ...{ g, envelope },
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
      return letter && { letter: publicPart(letter), body: outlet.letterBody(id) };
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

function publicPart({ g: _, envelope: __, ...letter }: Letter): DeadLetter {
  return letter;
}

function stackOf(remote: { stack?: string } | undefined): { stack?: string } {
  return remote?.stack === undefined ? {} : { stack: remote.stack };
}
