// Tells the provider what this task has counted of the queues that it sends to and consumes: a second after it changes, so that
// an idle task has no timer.
import type { StreamFigures } from "../protocol/stream-figures.ts";
import { onCount, streamFigures } from "../streams/contract/figures.ts";

/** How long what changes is gathered, in milliseconds. */
const GATHER_MS = 1_000;

/** @returns What ends it. */
export function tellStreamFigures(tell: (figures: StreamFigures[]) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const forget = onCount(() => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      tell(streamFigures());
    }, GATHER_MS).unref();
  });
  return () => {
    forget();
    clearTimeout(timer);
  };
}
