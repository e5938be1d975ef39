// What a program has counted of the queues that it sends to and consumes. Pure.

/** Of one queue over one protocol, since the program began. An alias, so that it is a JsonObject as it is. */
export type StreamFigures = {
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
};

export const STREAM_COUNTS = ["sent", "unsent", "accepted", "refused", "handled", "failed"] as const;

/** So many queues of a program are counted, since their names come from the program, which may make ever new ones. */
export const MOST_STREAMS = 1_000;

/** `queue_1 over HTTPHandler: 7 accepted, 6 handled, 1 failed`. */
export function describeStream({ queue, protocol, ...counts }: StreamFigures): string {
  const counted = STREAM_COUNTS.filter((what) => counts[what] > 0).map((what) => `${counts[what]} ${what}`);
  return `${queue} over ${protocol}: ${counted.join(", ")}`;
}
