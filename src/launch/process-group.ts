// A task process leads a session and a process group of its own, so that what it started can be reached together.

/** Signals every member of the group that a process leads; nobody there is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
