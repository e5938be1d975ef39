// Limits how many tasks start at the same time: starting is the most expensive moment of a process, and hundreds at once
// would starve each other and everything else on the machine.

/** Resolves when one more may start, with what gives the place back. */
export type AcquireStart = () => Promise<() => void>;

/** A place is given back after this time at the latest, in milliseconds: one that never gets ready must not block others. */
const HOLD_MS = 2_000;

/** Lets this many start at once; the others wait in the order they came. */
export function createStartLimit(places: number, holdMs = HOLD_MS): AcquireStart {
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
    // One turn of the event loop later: a start keeps the loop for some milliseconds, and hundreds in a row would leave
    // nothing else a turn.
    return () => leave(setImmediate);
  }

  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return hold();
  };
}
