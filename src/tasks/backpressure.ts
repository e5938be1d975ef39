// A task that loops without waiting may announce faster than the provider can read. When it awaits its announcements it
// is held back here, instead of burying the provider and every command to it.
import { deferred } from "../deferred.ts";

export interface Backpressure {
  /** The provider has acted on the announcements up to this one. */
  heard(sequence: number): void;
  /** Resolves when the task may go on after this announcement; at once when it is told to stop. */
  after(sequence: number): Promise<void>;
}

/** How far a task may be ahead of the provider, in announcements. */
const MAX_AHEAD = 256;

export function createBackpressure(signal: AbortSignal): Backpressure {
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
