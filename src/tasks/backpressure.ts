// A task may announce faster than the provider can follow: one that loops without ever waiting does. Whoever awaits its
// announcements is then held back, instead of burying the provider and every command to it.
import { deferred } from "../deferred.ts";

export interface Pace {
  /** The provider has acted on the announcements up to this one. */
  heard(sequence: number): void;
  /** Resolves when the task may go on after this announcement; at once when it is to stop. */
  after(sequence: number): Promise<void>;
}

/** How far a task may be ahead of the provider, in announcements. */
const MAX_AHEAD = 256;

export function createPace(signal: AbortSignal): Pace {
  let heardTo = 0;
  let moved = deferred();
  signal.addEventListener("abort", () => moved.resolve());
  return {
    heard(sequence) {
      heardTo = Math.max(heardTo, sequence);
      moved.resolve();
      moved = deferred();
    },
    async after(sequence) {
      while (sequence - heardTo > MAX_AHEAD && !signal.aborted) await moved.promise;
    },
  };
}
