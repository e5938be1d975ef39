// Ends processes, and is done only when the process table shows none of them: asks each to stop, kills what is left after
// the grace period, and looks again, since a process may start others while it is being ended.
import { setTimeout as wait } from "node:timers/promises";
import { createSignaller, RETRY_MS, type SignalledProcess, type StuckProcess } from "./signaller.ts";
import { isLiving, type ProcessEntry } from "./stat.ts";
import type { ProcessTable } from "./table.ts";

/** How processes are seen and signalled; all but the table defaults to the system's own. */
export interface ProcessAccess {
  table: ProcessTable;
  signal?: (pid: number, signal: NodeJS.Signals) => void;
  /** Monotonic. */
  nowMs?(): number;
  pause?(ms: number): Promise<unknown>;
}

export interface TerminationOptions extends ProcessAccess {
  /** Selects the processes to end. Called for every reading of the table, since further ones may start. */
  findTargets(entries: readonly ProcessEntry[]): ProcessEntry[];
  /** Sent once to each, before SIGKILL; not used without a grace period. */
  stopSignal?: NodeJS.Signals;
  /** How long the targets have until SIGKILL. */
  graceMs: number;
  /** After how long to give up; never by default. */
  giveUpMs?: number;
  /** After how long a process that is alive in spite of SIGKILL counts as stuck. */
  stuckMs?: number;
  /** Called once at most, with all processes that are stuck at that moment. */
  onStuck?(stuck: StuckProcess[]): void;
}

export interface Termination {
  /** Resolves when no target is left, or when it has given up. */
  done: Promise<SignalledProcess[]>;
  /** Ends the grace period. */
  killNow(): void;
}

/** The pauses between two looks grow from the first to the longest. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;
/** The longest pause once a process is stuck. */
const STUCK_PAUSE_MS = 500;
/** For how long only the known targets are looked at, which is cheap, before the whole table is read again. */
const WHOLE_LOOK_MS = 250;

/** Starts to end all processes that `findTargets` selects. */
export function startTermination({
  findTargets,
  table,
  signal = sendSignal,
  nowMs = () => performance.now(),
  pause = wait,
  stopSignal = "SIGTERM",
  graceMs,
  giveUpMs = Number.POSITIVE_INFINITY,
  stuckMs = Number.POSITIVE_INFINITY,
  onStuck = () => {},
}: TerminationOptions): Termination {
  const startedMs = nowMs();
  const signaller = createSignaller({ table, signal, nowMs, stopSignal });
  let killMs = startedMs + graceMs;
  let pauseMs = FIRST_PAUSE_MS;
  let isStuck = false;
  let wake = () => {};

  async function run(): Promise<SignalledProcess[]> {
    while (true) {
      const remaining = await findRemaining();
      if (remaining?.length === 0) break;
      if (signalDue(remaining ?? []) > 0) pauseMs = FIRST_PAUSE_MS;
      if (isGivenUp(remaining ?? [])) break;
      await untilNextLook(remaining ?? []);
    }
    return signaller.signalled();
  }

  /** What there is to end, earlier targets included; undefined when the table can't be read, which is not the same as none. */
  async function findRemaining(): Promise<ProcessEntry[] | undefined> {
    const entries = await table.read().catch(() => undefined);
    if (entries === undefined) return undefined;
    const known = entries.filter((entry) => isLiving(entry) && signaller.knows(entry));
    return [...new Set([...findTargets(entries), ...known])];
  }

  /** Sends every signal that is due, and returns how many were delivered. */
  function signalDue(remaining: readonly ProcessEntry[]): number {
    return remaining.filter((entry) => (nowMs() >= killMs ? signaller.kill(entry) : signaller.ask(entry))).length;
  }

  /** Reports stuck processes, and returns whether to give up. */
  function isGivenUp(remaining: readonly ProcessEntry[]): boolean {
    const isOver = nowMs() - startedMs >= giveUpMs;
    const stuck = isOver ? remaining : signaller.stuckAmong(remaining, stuckMs);
    if (stuck.length > 0 && !isStuck) {
      isStuck = true;
      onStuck(stuck.map(signaller.describe));
    }
    return isOver || (isStuck && giveUpMs < Number.POSITIVE_INFINITY);
  }

  // When all of these are gone the whole table is read again, for none may be left then.
  async function untilNextLook(remaining: readonly ProcessEntry[]): Promise<void> {
    const dueMs = nowMs() + (isStuck ? RETRY_MS : WHOLE_LOOK_MS);
    do {
      const untilKillMs = killMs - nowMs();
      await pauseUnlessWoken(untilKillMs > 0 ? Math.min(pauseMs, untilKillMs) : pauseMs);
      pauseMs = Math.min(2 * pauseMs, isStuck ? STUCK_PAUSE_MS : LONGEST_PAUSE_MS);
      if (untilKillMs > 0 && nowMs() >= killMs) return;
    } while (nowMs() < dueMs && remaining.some(signaller.isAlive));
  }

  function pauseUnlessWoken(ms: number): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      pause(ms).then(() => resolve(), resolve);
    });
  }

  function killNow(): void {
    killMs = Math.min(killMs, nowMs());
    wake();
  }

  return { done: run(), killNow };
}

/**
 * Ends a process group where there is no process table to tell its members. The system does not reuse a group's id before
 * the group is empty, so the signal reaches no other process.
 */
export function killGroup(leader: number, signal: ProcessAccess["signal"] = sendSignal): void {
  try {
    signal(-leader, "SIGKILL");
  } catch {
    // The group is empty, or has only zombies.
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
}
