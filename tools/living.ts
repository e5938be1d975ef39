/** States in which a process of the task lives. What decides loads the statechart; a command that shows need not. */
export const LIVING: readonly string[] = ["starting", "running", "unready", "unresponsive", "stopping", "stuck"];
