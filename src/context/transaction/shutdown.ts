// Ends all transactions: in order, waiting for every process but those that can't be ended, or at once.
import { deferred } from "../../deferred.ts";
import { hasProcess, isAtRest } from "../../protocol/task-state.ts";
import type { Change, SupervisedTask } from "../task/task-contract.ts";
import { longestStopMs } from "./dependencies.ts";
import { type PendingStop, trackStops } from "./pending-stops.ts";
import type { Transaction } from "./transaction.ts";

export interface Shutdown {
  /** A task went from one state to another. */
  moved(task: SupervisedTask, change: Change): void;
  /** Stops every transaction; resolves when every process is gone, or those that are left can't be ended. */
  stopAll(): Promise<void>;
  /** How long an orderly stop of all that is open may take, in milliseconds. */
  longestStopMs(): number;
  /** Ends every process at once. */
  kill(): void;
  /** Task ids whose processes still live. */
  living(): string[];
  /** The tasks that a stop waits for, the longest first. */
  pendingStops(): PendingStop[];
}

export interface ShutdownOptions {
  open: ReadonlyMap<string, Transaction>;
  /** Resolves when a transaction that is open is over. */
  whenOver(transaction: string): Promise<unknown>;
  nowMs(): number;
}

export function createShutdown({ open, whenOver, nowMs }: ShutdownOptions): Shutdown {
  const stops = trackStops(nowMs);
  const onlyStuck = deferred();
  let isLeaving = false;

  const tasks = () => [...open.values()].flatMap((transaction) => [...transaction.processes]);

  function checkStuck(): void {
    if (!isLeaving) return;
    const states = tasks().map(({ standing }) => standing.state);
    if (states.includes("stuck") && states.every((state) => state === "stuck" || isAtRest(state))) onlyStuck.resolve();
  }

  return {
    moved(task, change) {
      stops.moved(task, change);
      checkStuck();
    },
    async stopAll() {
      const ends = [...open.keys()].map(whenOver);
      isLeaving = true;
      for (const transaction of open.values()) transaction.stop();
      checkStuck();
      await Promise.race([Promise.all(ends), onlyStuck.promise]);
    },
    longestStopMs: () =>
      Math.max(0, ...[...open.values()].map(({ tasks }) => longestStopMs([...tasks].map(({ task }) => task)))),
    kill() {
      stops.killed();
      for (const task of tasks()) task.kill();
    },
    living: () =>
      tasks()
        .filter(({ standing }) => hasProcess(standing.state))
        .map(({ task }) => task.id),
    pendingStops: () => stops.pendingStops(open.values()),
  };
}
