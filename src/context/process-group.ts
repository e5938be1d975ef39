// A task process leads a session and a process group of its own, so that what it started can be reached together.
import { readdirSync, readFileSync } from "node:fs";

/** Signals every member of the group that a process leads; nobody there is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ends what is left of a group whose leader has exited. */
export function sweepGroup(leader: number): void {
  if (mayBeInhabited(leader) && isInhabited(leader)) signalGroup(leader, "SIGKILL");
}

// A group without members is known at once; that is nearly always so, and spares a pass over the process table.
function mayBeInhabited(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

// Asks the process table: signal 0 goes on succeeding for a group of zombies. Without /proc there is no table to
// ask; the group id is free only when the group is empty, so a signal can reach nobody else.
function isInhabited(group: number): boolean {
  try {
    return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && isLivingMember(entry, group));
  } catch {
    return true;
  }
}

function isLivingMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name stands in parentheses and may hold some itself; the fields follow the last one.
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(processGroup) === group && state !== "Z" && state !== "X";
  } catch {
    return false; // gone while we looked
  }
}
