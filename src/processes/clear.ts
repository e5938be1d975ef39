// Ends what is left of a run of a task: the whole process tree, including processes that have left its group and session.
import type { StuckProcess } from "./signaller.ts";
import { killGroup, type ProcessAccess, startTermination, type Termination } from "./termination.ts";
import { membersOf, snapshotTree, type Tree } from "./tree.ts";

export interface ClearOptions extends ProcessAccess {
  /** Sent once to each process that is left. */
  stopSignal: NodeJS.Signals;
  /** What is left of the grace period, until SIGKILL; 0 for SIGKILL at once. */
  graceMs: number;
  /** Processes are left. Called once at most, before the first signal. */
  onLeftovers?(): void;
  /** A process does not end. Called once at most; the attempts go on. */
  onStuck?(stuck: StuckProcess[]): void;
}

/** How long a process may take to end after SIGKILL. */
const STUCK_MS = 2_000;

/** Ends every process of a tree; `done` resolves when none is left, with those that had to be signalled. */
export function clearTree(tree: Tree, options: ClearOptions): Termination {
  if (!options.table.isAvailable) {
    killGroup(tree.leader.pid, options.signal);
    return { done: Promise.resolve([]), killNow() {} };
  }
  // A process that was seen once is found again, even when the parent that led to it has exited.
  let seen = tree;
  let onLeftovers = options.onLeftovers;
  return startTermination({
    ...options,
    stuckMs: STUCK_MS,
    findTargets(entries) {
      seen = snapshotTree(seen, entries);
      const members = membersOf(entries, seen);
      if (members.length === 0) return members;
      onLeftovers?.();
      onLeftovers = undefined;
      return members;
    },
  });
}
