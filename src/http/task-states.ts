// The states of a task for the metrics. Pure.
/** The states of a task's lifecycle, in the order people like to see them. */
export const TASK_STATES = [
  "running",
  "starting",
  "stopping",
  "blocked",
  "backingOff",
  "unready",
  "unresponsive",
  "stuck",
  "failed",
  "exited",
  "stopped",
  "defined",
] as const;
