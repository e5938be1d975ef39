// Tells the processes that descend from the sampled ones from all others. Pure.

interface Descendant {
  pid: number;
  ppid: number;
}

export interface Descent {
  /** The roots that are there, and all that descend from them. */
  members: Set<number>;
  /** Processes that surely descend from no root. A process whose parents were not all read is in neither set. */
  unrelated: Set<number>;
}

/**
 * Sorts processes by whether their parents lead to a root. An unrelated process never becomes a member: when its parent
 * ends, it passes to an ancestor or to init. So the unrelated processes of an earlier call need not be read again.
 *
 * @param known - Unrelated processes of an earlier call, without readings now.
 */
export function sortByDescent(
  readings: ReadonlyMap<number, Descendant>,
  roots: ReadonlySet<number>,
  known: ReadonlySet<number> = new Set(),
): Descent {
  const members = new Set<number>([...roots].filter((pid) => readings.has(pid)));
  const unrelated = new Set<number>(known);
  const undecided = new Set<number>();
  for (const { pid } of readings.values()) decide(pid);
  return { members, unrelated };

  // A loop, not a recursion: a chain may be as long as the process table.
  function decide(from: number): void {
    const path = new Set<number>();
    let at = from;
    while (!members.has(at) && !unrelated.has(at) && !undecided.has(at) && !path.has(at)) {
      const reading = readings.get(at);
      if (reading === undefined) break;
      path.add(at);
      at = reading.ppid;
    }
    // Kernel threads and the first process of a container have the parent 0.
    const side = members.has(at) ? members : at === 0 || unrelated.has(at) ? unrelated : undecided;
    for (const pid of path) side.add(pid);
  }
}
