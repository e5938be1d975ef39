// Which task an incarnation belongs to: those of present runs, and of the last few that are over, whose announcements may
// still be under way.
import type { SupervisedTask } from "../task/task-contract.ts";

export interface Owner {
  transaction: string;
  task: SupervisedTask;
}

export interface Incarnations {
  add(incarnation: string, owner: Owner): void;
  ownerOf(incarnation: string): Owner | undefined;
  /** The transaction is over. */
  forget(transaction: string): void;
}

/** Runs of one task that are known. */
const MAX_RUNS = 16;

export function createIncarnations(): Incarnations {
  const owners = new Map<string, Owner>();
  return {
    add(incarnation, owner) {
      owners.set(incarnation, owner);
      const own = [...owners].filter(([, { task }]) => task === owner.task);
      const [oldest] = own[0] ?? [];
      if (own.length > MAX_RUNS && oldest !== undefined) owners.delete(oldest);
    },
    ownerOf: (incarnation) => owners.get(incarnation),
    forget(transaction) {
      for (const [incarnation, owner] of owners) if (owner.transaction === transaction) owners.delete(incarnation);
    },
  };
}
