// Whom a stop waits for: since when, and what those were sent.
import type { ProcessTable } from "../processes/table.ts";
import { createTree, membersOf, UNKNOWN_START } from "../processes/tree.ts";
import type { LifecycleState } from "./lifecycle.ts";
import type { Change, Supervised } from "./supervised.ts";

/** A task that is to end and has not yet. */
export interface Straggler {
  transaction: string;
  task: string;
  /** Of the process that leads it. */
  pid?: number;
  /** Since it began to end, in milliseconds. */
  forMs: number;
  /** The last signal that it was sent; none for a thread, which takes none. */
  signal?: string;
}

export interface Endings {
  moved(supervised: Supervised, change: Change): void;
  /** Every process was sent SIGKILL. */
  killed(): void;
  /** The longest first. */
  stragglers(transactions: Iterable<{ id: string; tasks: Iterable<Supervised> }>): Straggler[];
}

const ENDING: ReadonlySet<LifecycleState> = new Set(["stopping", "unready", "unresponsive", "stuck"]);

export function watchEndings(nowMs: () => number): Endings {
  /** When a task began to end; of one that runs, that was another run. */
  const begun = new WeakMap<Supervised, number>();
  let isKilled = false;

  function describe(transaction: string, supervised: Supervised): Straggler {
    const { task, standing } = supervised;
    const forMs = nowMs() - (begun.get(supervised) ?? nowMs());
    const { pid } = standing.life;
    const signal = isKilled ? "SIGKILL" : signalOf(supervised, forMs);
    return { transaction, task: task.id, forMs, ...(pid && { pid }), ...(signal && { signal }) };
  }

  return {
    moved(supervised, { from }) {
      if (ENDING.has(supervised.standing.state) && !ENDING.has(from)) begun.set(supervised, nowMs());
    },
    killed() {
      isKilled = true;
    },
    stragglers: (transactions) =>
      [...transactions]
        .flatMap(({ id, tasks }) =>
          [...tasks].filter(({ standing }) => ENDING.has(standing.state)).map((one) => describe(id, one)),
        )
        .sort((one, other) => other.forMs - one.forMs),
  };
}

function signalOf({ task, standing }: Supervised, forMs: number): string | undefined {
  const { stopSignal, graceMs } = task.supervision;
  if (standing.state === "stuck" || forMs >= graceMs) return "SIGKILL";
  return task.serviceType === "Thread" ? undefined : stopSignal;
}

/** Finds the processes that each still has. */
export async function withProcesses(
  stragglers: readonly Straggler[],
  table: ProcessTable,
): Promise<(Straggler & { pids: number[] })[]> {
  const entries = stragglers.length === 0 ? [] : await table.read().catch(() => []);
  const startOf = (pid: number) => entries.find((entry) => entry.pid === pid)?.startTicks ?? UNKNOWN_START;
  const membersWith = (pid: number) => membersOf(entries, createTree({ pid, startTicks: startOf(pid) }, ""));
  return stragglers.map((one) => ({
    ...one,
    pids: one.pid === undefined ? [] : membersWith(one.pid).map(({ pid }) => pid),
  }));
}
