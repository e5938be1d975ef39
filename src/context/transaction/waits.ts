// Waits for something about tasks to be so.
import { deferred } from "../../deferred.ts";

export interface Waits {
  until(isSo: () => boolean): Promise<void>;
  /** Something has changed. */
  look(): void;
}

export function createWaits(): Waits {
  const waiting = new Map<() => boolean, () => void>();
  let isDue = false;

  // Later, so that all that one event changes has changed.
  function look(): void {
    if (isDue || waiting.size === 0) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      for (const [isSo, resolve] of [...waiting]) {
        if (!isSo()) continue;
        waiting.delete(isSo);
        resolve();
      }
    });
  }

  return {
    until(isSo) {
      const { promise, resolve } = deferred();
      waiting.set(isSo, resolve);
      look();
      return promise;
    },
    look,
  };
}
