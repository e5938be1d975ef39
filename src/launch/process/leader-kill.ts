// Kills the process that leads a task's group, and keeps at it: SIGKILL has no effect yet on a process that waits for a
// device, and is refused for one that has changed its user.
import { reasonOf } from "../../errors.ts";
import { signalGroup } from "./process-group.ts";

export interface LeaderKillOptions {
  pid: number;
  hasExited(): boolean;
  /** The process's state by proc(5); undefined where it can't be read. */
  readState(): string | undefined;
  /** Called when an attempt is refused, and once when the process is still there after the first one. */
  onStuck(reason: string): void;
}

/** How long a process may take to exit after SIGKILL before it is reported, and the pause between further attempts. */
const STUCK_MS = 2_000;
const AGAIN_MS = 5_000;

/** Sends SIGKILL to a process and its group, again and again until the process has exited. Returns what ends that. */
export function startLeaderKill({ pid, hasExited, readState, onStuck }: LeaderKillOptions): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isReported = false;

  function attempt(untilNextMs: number): void {
    try {
      signalGroup(pid, "SIGKILL");
    } catch (error) {
      onStuck(`pid ${pid}: ${reasonOf(error)}`);
    }
    timer = setTimeout(retry, untilNextMs);
  }

  function retry(): void {
    if (hasExited()) return;
    if (!isReported) {
      const state = readState();
      onStuck(`pid ${pid} is still there after SIGKILL${state === undefined ? "" : ` (state ${state})`}`);
    }
    isReported = true;
    attempt(AGAIN_MS);
  }

  attempt(STUCK_MS);
  return () => clearTimeout(timer);
}
