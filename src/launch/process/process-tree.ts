// Signals and ends the process tree of one run: the process that we have started, and its descendants. A descendant that
// has left the group and session is known by its parent only, so the tree is read before every signal: afterwards the
// parent may be gone.
import { clearTree } from "../../processes/clear.ts";
import type { SignalledProcess, StuckProcess } from "../../processes/signaller.ts";
import type { ProcessEntry, ProcessIdentity } from "../../processes/stat.ts";
import type { ProcessTable } from "../../processes/table.ts";
import type { Termination } from "../../processes/termination.ts";
import { createTree, membersOf, snapshotTree } from "../../processes/tree.ts";
import { startLeaderKill } from "./leader-kill.ts";
import { signalGroup } from "./process-group.ts";

export interface ProcessTree {
  /** Whether `kill` was called. */
  readonly isKilled: boolean;
  /** Signals the leader and its group; has no effect once the leader has exited. */
  signal(signal: NodeJS.Signals): void;
  /** Ends all of it at once. */
  kill(): void;
  /**
   * To be called when the leader has exited: ends what is left, with the grace period of a stop unless `kill` was called.
   * Resolves when nothing is left, with the processes besides the leader that had to be signalled.
   */
  clear(): Promise<SignalledProcess[]>;
}

export interface ProcessTreeOptions {
  leader: ProcessIdentity;
  /** The run in the cookies of its processes. */
  run: string;
  /** For what is left when the leader has exited. */
  stopSignal: NodeJS.Signals;
  table: ProcessTable;
  /** Whether the leader has exited. */
  hasExited(): boolean;
  /** The leader has exited, and descendants of it have not. */
  onLeftovers(): void;
  /** A process of the tree can't be ended; the attempts go on. */
  onStuck(reason: string): void;
}

export function createProcessTree(options: ProcessTreeOptions): ProcessTree {
  const { leader, run, stopSignal, table, hasExited, onLeftovers, onStuck } = options;
  const { pid } = leader;
  let tree = createTree(leader, run);
  let isKilled = false;
  /** Members of the leader's group when that was sent SIGKILL. */
  let killedWithLeader: SignalledProcess[] = [];
  let stopKilling = () => {};
  let clearing: Termination | undefined;

  async function readMembers(): Promise<ProcessEntry[]> {
    const entries = await table.read().catch(() => undefined);
    // Where the table can't be read, group, session and cookie still lead to most of the tree.
    if (entries === undefined) return [];
    tree = snapshotTree(tree, entries);
    return membersOf(entries, tree);
  }

  function killGroupOfLeader(members: readonly ProcessEntry[]): void {
    if (hasExited()) return;
    killedWithLeader = members
      .filter((member) => member.group === pid && member.pid !== pid)
      .map((member) => ({ pid: member.pid, name: member.name, signal: "SIGKILL" }));
    stopKilling = startLeaderKill({ pid, hasExited, readState: () => table.find(pid)?.state, onStuck });
  }

  // A stopped process acts on no signal but SIGKILL before it continues.
  function signalLeader(name: NodeJS.Signals): void {
    if (hasExited()) return;
    signalGroup(pid, name);
    if (name !== "SIGKILL") signalGroup(pid, "SIGCONT");
  }

  return {
    get isKilled() {
      return isKilled;
    },
    signal(name) {
      // A refused signal is not reported here: if the process does not stop, the kill that follows is.
      void readMembers()
        .then(() => signalLeader(name))
        .catch(() => {});
    },
    kill() {
      if (isKilled) return;
      isKilled = true;
      clearing?.killNow();
      if (!hasExited()) void readMembers().then(killGroupOfLeader);
    },
    async clear() {
      stopKilling();
      clearing = clearTree(tree, {
        table,
        stopSignal,
        graceMs: isKilled || stopSignal === "SIGKILL" ? 0 : Number.POSITIVE_INFINITY,
        onLeftovers,
        onStuck: (stuck) => onStuck(stuck.map(describe).join(", ")),
      });
      return merged(killedWithLeader, await clearing.done);
    },
  };
}

// Some of those killed with the leader may not have exited yet when the rest is cleared, and are then in both lists.
function merged(earlier: readonly SignalledProcess[], later: readonly SignalledProcess[]): SignalledProcess[] {
  return [...earlier.filter(({ pid }) => !later.some((other) => other.pid === pid)), ...later];
}

function describe({ pid, name, reason }: StuckProcess): string {
  return `pid ${pid} (${name}): ${reason}`;
}
