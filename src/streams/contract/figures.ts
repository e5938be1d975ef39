// What is counted of the queues of this process, by protocol. Pure.

export interface StreamFigures {
  queue: string;
  protocol: string;
  /** Sent by producers, and refused or failed on their way. */
  sent: number;
  unsent: number;
  /** Taken by consumers: all that were not refused. */
  accepted: number;
  /** Malformed, too large, or too many. */
  refused: number;
  handled: number;
  /** How often a handler has thrown. */
  failed: number;
}

type Count = Exclude<keyof StreamFigures, "queue" | "protocol">;

const counted = new Map<string, StreamFigures>();
/** Names of queues come from the program, which may make ever new ones. */
const MOST = 1_000;

export function count(protocol: string, queue: string, what: Count): void {
  const key = `${protocol} ${queue}`;
  let figures = counted.get(key);
  if (figures === undefined) {
    if (counted.size >= MOST) return;
    figures = { queue, protocol, sent: 0, unsent: 0, accepted: 0, refused: 0, handled: 0, failed: 0 };
    counted.set(key, figures);
  }
  figures[what] += 1;
}

/** Of all queues that this process has sent to or consumed from. */
export function streamFigures(): StreamFigures[] {
  return [...counted.values()].map((figures) => ({ ...figures }));
}
