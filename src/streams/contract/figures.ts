// What is counted of the queues of this process, by protocol. The counts belong to the process, or the thread, and not to this
// module: a task process has the library in its own program, and the code of the task may load it a second time.
import { MOST_STREAMS, type STREAM_COUNTS, type StreamFigures } from "../../protocol/stream-figures.ts";

export type { StreamFigures } from "../../protocol/stream-figures.ts";

interface Counted {
  figures: Map<string, StreamFigures>;
  onCount: (() => void) | undefined;
}

const counted = ofProcess();

function ofProcess(): Counted {
  const key = Symbol.for("zcontext.streams.counted");
  const known: Counted | undefined = Reflect.get(globalThis, key);
  const shared = known ?? { figures: new Map(), onCount: undefined };
  Reflect.set(globalThis, key, shared);
  return shared;
}

export function count(protocol: string, queue: string, what: (typeof STREAM_COUNTS)[number]): void {
  const { figures } = counted;
  const key = `${protocol} ${queue}`;
  let ofQueue = figures.get(key);
  if (ofQueue === undefined) {
    if (figures.size >= MOST_STREAMS) return;
    ofQueue = { queue, protocol, sent: 0, unsent: 0, accepted: 0, refused: 0, handled: 0, failed: 0 };
    figures.set(key, ofQueue);
  }
  ofQueue[what] += 1;
  counted.onCount?.();
}

/** Of all queues that this process has sent to or consumed from. */
export function streamFigures(): StreamFigures[] {
  return [...counted.figures.values()].map((figures) => ({ ...figures }));
}

/** Calls a listener whenever something is counted, in place of the one before. @returns What ends that. */
export function onCount(listener: () => void): () => void {
  counted.onCount = listener;
  return () => {
    counted.onCount = undefined;
  };
}
