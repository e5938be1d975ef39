import { BOUND_MS } from "./bound.ts";

/** Things that happen one after the other, kept, so that a test can wait for one and look back at all. */
export interface Recording<T> {
  readonly all: readonly T[];
  add(event: T): void;
  /** Nothing more will come: waits that are still open reject. */
  end(): void;
  /**
   * The first that `matches`, now or later, of those from the index `from` on; rejects with the end of the recording
   * when it does not come within `boundMs` milliseconds. The bound ends a test that has failed; none waits for it.
   */
  first(matches: (event: T) => boolean, options?: { from?: number; boundMs?: number; what?: string }): Promise<T>;
}

/** How much of a recording a failure shows. */
const SHOWN = 40;

/** Starts a recording; `name` and `describe` are for the message of a wait that was in vain. */
export function awaitEvents<T>(name: string, describe: (event: T) => string): Recording<T> {
  const all: T[] = [];
  const waiting = new Set<() => void>();
  let isOver = false;
  const wake = () => {
    for (const look of waiting) look();
  };

  return {
    all,
    add(event) {
      all.push(event);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
    first(matches, { from = 0, boundMs = BOUND_MS, what = "what was waited for" } = {}) {
      let next = from;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(() => reject(missed(`${what} did not come in time`))), boundMs);
        waiting.add(look);
        look();

        function look(): void {
          for (; next < all.length; next += 1) {
            const event = all[next] as T;
            if (matches(event)) return settle(() => resolve(event));
          }
          if (isOver) settle(() => reject(missed(`it ended before ${what} came`)));
        }

        function settle(finish: () => void): void {
          clearTimeout(timer);
          waiting.delete(look);
          finish();
        }
      });
    },
  };

  function missed(why: string): Error {
    const shown = all.slice(-SHOWN).map((event) => `  ${describe(event)}`);
    const left = all.length - shown.length;
    return new Error([`${name}: ${why}`, ...(left > 0 ? [`  (${left} before these)`] : []), ...shown].join("\n"));
  }
}
