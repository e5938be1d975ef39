// Keeps the order of signals where some of them have to be stored or fetched first. Within bounds: what waits is in memory.
import { ZcontextError } from "../errors.ts";

/** Work in the order in which it was added. */
export interface InOrder {
  /** Whether work is under way, so that what comes next has to wait. */
  readonly isBusy: boolean;
  /**
   * Adds work that begins when what was added before has ended.
   *
   * @param bytes - What waits with it.
   * @throws {ZcontextError} `ERR_OVERLOADED`.
   */
  add(bytes: number, work: () => Promise<void>): Promise<void>;
  /** Resolves when all work has ended that was added so far. */
  settled(): Promise<void>;
}

const MOST_WAITING = 1_000;
const MOST_BYTES = 64 * 2 ** 20;

/** @param what - Is in order, in the error. @param onError - Gets what work throws; what follows begins all the same. */
export function createInOrder(what: string, onError: (error: unknown) => void): InOrder {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  let waitingBytes = 0;

  return {
    get isBusy() {
      return waiting > 0;
    },
    settled: () => last,
    add(bytes, work) {
      if (waiting >= MOST_WAITING || (waiting > 0 && waitingBytes + bytes > MOST_BYTES))
        throw overloaded(what, waiting);
      waiting += 1;
      waitingBytes += bytes;
      last = last
        .then(work)
        .catch(onError)
        .finally(() => {
          waiting -= 1;
          waitingBytes -= bytes;
        });
      return last;
    },
  };
}

function overloaded(what: string, waiting: number): ZcontextError {
  return new ZcontextError("ERR_OVERLOADED", `${what}: ${waiting} wait already, the first of them for its store`, {
    hint: "Publish less at a time, or put large content into a file and publish its path.",
  });
}
