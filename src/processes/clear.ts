// Ends what is left of a run of a task: the whole tree, whatever it has done to get out of sight.
import { killGroup, type Means, pursue, type Survivor, type Termination } from "./termination.ts";
import { membersOf, snapshotTree, type Tree } from "./tree.ts";

export interface ClearOptions extends Means {
  /** Sent once to each that is still there. */
  stopSignal: NodeJS.Signals;
  /** What is left of the grace period, until SIGKILL; 0 for SIGKILL at once. */
  graceMs: number;
  /** Somebody is there; comes once at most, before the first signal. */
  onLingers?(): void;
  /** Somebody does not end. Comes once at most; the attempts go on. */
  onStuck?(survivors: Survivor[]): void;
}

/** How long a process may take to end once it was sent SIGKILL. */
const STUCK_MS = 2_000;

/** Ends every process of a tree; `done` resolves with those that had to be signalled when none is left. */
export function clearTree(tree: Tree, options: ClearOptions): Termination {
  if (!options.table.isAvailable) {
    killGroup(tree.leader.pid, options.signal);
    return { done: Promise.resolve([]), killNow() {} };
  }
  // Who was seen once is found again, though its parent, by which it was found, is gone by then.
  let seen = tree;
  let onLingers = options.onLingers;
  return pursue({
    ...options,
    stuckMs: STUCK_MS,
    findTargets(entries) {
      seen = snapshotTree(seen, entries);
      const members = membersOf(entries, seen);
      if (members.length === 0) return members;
      onLingers?.();
      onLingers = undefined;
      return members;
    },
  });
}
