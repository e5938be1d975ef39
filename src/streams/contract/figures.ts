// What is counted of the queues of this process, by protocol. The counts belong to the process, or the thread, and not to this
// module: a task process has the library in its own program, and the code of the task may load it a second time.
import { MOST_STREAMS, type STREAM_COUNTS, type StreamFigures } from "../../protocol/stream-figures.ts";

export type { StreamFigures } from "../../protocol/stream-figures.ts";

interface Counted {
  /** By protocol, and then by queue: a key of both would have to be made for each message. */
  figures: Map<string, Map<string, StreamFigures>>;
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
  const figures = counted.figures.get(protocol)?.get(queue) ?? begin(protocol, queue);
  if (figures === undefined) return;
  figures[what] += 1;
  counted.onCount?.();
}

function begin(protocol: string, queue: string): StreamFigures | undefined {
  const queues = counted.figures.get(protocol) ?? new Map<string, StreamFigures>();
  if (queues.size >= MOST_STREAMS) return undefined;
  const figures = { queue, protocol, sent: 0, unsent: 0, accepted: 0, refused: 0, handled: 0, failed: 0 };
  counted.figures.set(protocol, queues.set(queue, figures));
  return figures;
}

/** Of all queues that this process has sent to or consumed from. */
export function streamFigures(): StreamFigures[] {
  return [...counted.figures.values()].flatMap((queues) => [...queues.values()].map((figures) => ({ ...figures })));
}

/** Calls a listener whenever something is counted, in place of the one before. @returns What ends that. */
export function onCount(listener: () => void): () => void {
  counted.onCount = listener;
  return () => {
    counted.onCount = undefined;
  };
}
