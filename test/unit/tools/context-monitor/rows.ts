// Tasks as the monitor knows them, for the tests of what it shows.
import type { TaskRow } from "../../../../tools/context-monitor/model.ts";

/** A task of the transaction T1 that runs. */
export function taskRow(id: string, facts: Partial<TaskRow> = {}): TaskRow {
  const { transaction = "T1" } = facts;
  return {
    key: `${transaction} ${id}`,
    transaction,
    id,
    service: `service_${id}`,
    instance: "Steady",
    state: "running",
    pid: 4312,
    runs: 1,
    restarts: undefined,
    reason: undefined,
    nextRun: undefined,
    cpu: 12.34,
    memory: 51.6,
    memoryFigure: "pss",
    uptimeS: 303,
    figures: {},
    cpuHistory: [0, 50, 100],
    memoryHistory: [50, 50, 51.6],
    last: { atMs: 0, words: "started" },
    transitions: [],
    announcements: [],
    ...facts,
  };
}
