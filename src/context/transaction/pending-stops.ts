// The tasks that a stop waits for: since when, and what signal they were sent.
import type { ProcessTable } from "../../processes/table.ts";
import { createTree, membersOf, UNKNOWN_START } from "../../processes/tree.ts";
import { isEnding } from "../../protocol/task-state.ts";
import type { Change, SupervisedTask } from "../task/task-contract.ts";

/** A task that is to end and has not yet. */
export interface PendingStop {
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
  moved(supervised: SupervisedTask, change: Change): void;
  /** Every process was sent SIGKILL. */
  killed(): void;
  /** The longest first. */
  pendingStops(transactions: Iterable<{ id: string; processes: Iterable<SupervisedTask> }>): PendingStop[];
}

export function trackStops(nowMs: () => number): Endings {
  /** When a task began to end; of one that runs, that was another run. */
  const begun = new WeakMap<SupervisedTask, number>();
  let isKilled = false;

  function describe(transaction: string, supervised: SupervisedTask): PendingStop {
    const { task, standing } = supervised;
    const forMs = nowMs() - (begun.get(supervised) ?? nowMs());
    const { pid } = standing.life;
    const signal = isKilled ? "SIGKILL" : signalOf(supervised, forMs);
    return { transaction, task: task.id, forMs, ...(pid && { pid }), ...(signal && { signal }) };
  }

  return {
    moved(supervised, { from }) {
      if (isEnding(supervised.standing.state) && !isEnding(from)) begun.set(supervised, nowMs());
    },
    killed() {
      isKilled = true;
    },
    pendingStops: (transactions) =>
      [...transactions]
        .flatMap(({ id, processes }) =>
          [...processes].filter(({ standing }) => isEnding(standing.state)).map((one) => describe(id, one)),
        )
        .sort((one, other) => other.forMs - one.forMs),
  };
}

function signalOf({ task, standing }: SupervisedTask, forMs: number): string | undefined {
  const { stopSignal, graceMs } = task.supervision;
  if (standing.state === "stuck" || forMs >= graceMs) return "SIGKILL";
  return task.serviceType === "Thread" ? undefined : stopSignal;
}

/** Finds the processes that each still has. */
export async function withProcesses(
  pendingStops: readonly PendingStop[],
  table: ProcessTable,
): Promise<(PendingStop & { pids: number[] })[]> {
  const entries = pendingStops.length === 0 ? [] : await table.read().catch(() => []);
  const startOf = (pid: number) => entries.find((entry) => entry.pid === pid)?.startTicks ?? UNKNOWN_START;
  const membersWith = (pid: number) => membersOf(entries, createTree({ pid, startTicks: startOf(pid) }, ""));
  return pendingStops.map((one) => ({
    ...one,
    pids: one.pid === undefined ? [] : membersWith(one.pid).map(({ pid }) => pid),
  }));
}
