/** The ids of the last events, so that one that is sent again after a lost connection is not taken twice. */
export interface RecentIds {
  has(id: string): boolean;
  add(id: string): void;
  remove(id: string): void;
}

const GENERATION = 50_000;

/** Remembers the last 50,000 ids at least, and 100,000 at most. */
export function createRecentIds(): RecentIds {
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    has: (id) => young.has(id) || old.has(id),
    add(id) {
      young.add(id);
      if (young.size >= GENERATION) [young, old] = [new Set(), young];
    },
    remove(id) {
      young.delete(id);
      old.delete(id);
    },
  };
}
