// How many tasks start at the same time: a start is the dearest moment of a process, and hundreds at once would keep
// each other, and everything else on the machine, from getting anywhere.

/** Resolves when there is a place, with what gives it back. */
export type Enter = () => Promise<() => void>;

/** A place is given back after this time at the latest, in milliseconds: who never gets ready must not hold up others. */
const HOLD_MS = 2_000;

/** Lets this many in at once; the others wait in the order they came. */
export function createStartLimit(places: number, holdMs = HOLD_MS): Enter {
  const waiting: (() => void)[] = [];
  let free = places;

  function giveBack(admit: (next: () => void) => unknown): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else admit(next);
  }

  function hold(): () => void {
    let isHeld = true;
    const leave = (admit: (next: () => void) => unknown) => {
      if (!isHeld) return;
      isHeld = false;
      clearTimeout(late);
      giveBack(admit);
    };
    const late = setTimeout(() => leave((next) => next()), holdMs).unref();
    // A turn later: a start keeps the event loop for some milliseconds, and of hundreds that follow on each other within
    // one turn nothing else would get any.
    return () => leave(setImmediate);
  }

  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return hold();
  };
}
