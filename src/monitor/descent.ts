/** Tells the processes of the watched trees from the strangers. Keeps nothing. */

interface Born {
  pid: number;
  ppid: number;
}

export interface Descent {
  /** The roots that are there, and all that descend from them. */
  members: Set<number>;
  /** Those who surely do not; of the others the parent was not seen, or they are each other's. */
  strangers: Set<number>;
}

/**
 * Sorts processes by whether their parents lead to a root. A stranger never becomes a member: whose parent ends goes to
 * an ancestor or to init, and so does not change sides. That is why those known from before need not be looked at again.
 *
 * @param known - Strangers from before, who have no readings now.
 */
export function sortByDescent(
  readings: ReadonlyMap<number, Born>,
  roots: ReadonlySet<number>,
  known: ReadonlySet<number> = new Set(),
): Descent {
  const members = new Set<number>([...roots].filter((pid) => readings.has(pid)));
  const strangers = new Set<number>(known);
  const undecided = new Set<number>();
  for (const { pid } of readings.values()) decide(pid);
  return { members, strangers };

  // A loop, not a recursion: there may be chains as long as the process table.
  function decide(from: number): void {
    const path = new Set<number>();
    let at = from;
    while (!members.has(at) && !strangers.has(at) && !undecided.has(at) && !path.has(at)) {
      const reading = readings.get(at);
      if (reading === undefined) break;
      path.add(at);
      at = reading.ppid;
    }
    // The kernel's own and the first of a container have the parent 0.
    const side = members.has(at) ? members : at === 0 || strangers.has(at) ? strangers : undecided;
    for (const pid of path) side.add(pid);
  }
}
