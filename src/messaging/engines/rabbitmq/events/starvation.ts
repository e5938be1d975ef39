// Decides whether a consumer gets nothing though it should: the server knows none of the queue, or gives none of the events in
// it to a member that has room. Pure.

/** What the server says of a queue, and what a member knows of itself. */
export interface QueueSeen {
  messageCount: number;
  consumerCount: number;
  /** How many events the member has ever got. */
  taken: number;
  hasRoom: boolean;
}

/** So many looks in a row, since what was just declared or given may not be seen yet. */
const LOOKS = 2;

/** @returns For each look at the queue why its consumer has to be made again; undefined while all is well. */
export function createStarvation(): (seen: QueueSeen) => string | undefined {
  let looks = 0;
  let takenBefore = 0;

  return ({ messageCount, consumerCount, taken, hasRoom }) => {
    const isGivenNone = messageCount > 0 && hasRoom && taken === takenBefore;
    looks = consumerCount === 0 || isGivenNone ? looks + 1 : 0;
    takenBefore = taken;
    if (looks < LOOKS) return undefined;
    looks = 0;
    return consumerCount === 0 ? "the server knows no consumer of it" : `it gives none of ${messageCount} events`;
  };
}
