// Ends processes, and is done only when the process table shows none of them. Each one is signalled by its pid, and only
// right after it was seen under that pid with the same start time: the system may have given the pid to another process.
import { setTimeout as wait } from "node:timers/promises";
import { isLiving, isSame, type ProcessEntry, type ProcessIdentity } from "./stat.ts";
import type { ProcessTable } from "./table.ts";

/** A process that had to be signalled to make it end, and the last signal it was sent. */
export interface SignalledProcess {
  pid: number;
  name: string;
  signal: NodeJS.Signals;
}

/** A process that does not end, and why. */
export interface StuckProcess {
  pid: number;
  name: string;
  reason: string;
}

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

interface Target {
  identity: ProcessIdentity;
  /** The last signal that was delivered. */
  sent?: SignalledProcess;
  wasAsked: boolean;
  /** When SIGKILL was first and last tried. */
  firstKillMs?: number;
  lastKillMs?: number;
  /** The code of the error that the last signal was refused with. */
  refusal?: string;
}

/** The pauses between two looks grow from the first to the longest. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;
/** The longest pause once a process is stuck. */
const STUCK_PAUSE_MS = 500;
/** For how long only the known targets are looked at, which is cheap, before the whole table is read again. */
const WHOLE_LOOK_MS = 250;
/** How long after a SIGKILL without effect another one is sent. */
const RETRY_MS = 5_000;

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
  const targets = new Map<string, Target>();
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
    return [...targets.values()].flatMap(({ sent }) => (sent === undefined ? [] : [sent]));
  }

  /** What there is to end, earlier targets included; undefined when the table can't be read, which is not the same as none. */
  async function findRemaining(): Promise<ProcessEntry[] | undefined> {
    const entries = await table.read().catch(() => undefined);
    if (entries === undefined) return undefined;
    const known = entries.filter((entry) => isLiving(entry) && targets.has(keyOf(entry)));
    return [...new Set([...findTargets(entries), ...known])];
  }

  /** Sends every signal that is due, and returns how many were delivered. */
  function signalDue(remaining: readonly ProcessEntry[]): number {
    return remaining.filter((entry) => {
      const target = targetOf(entry);
      if (nowMs() >= killMs) return kill(target);
      if (target.wasAsked) return false;
      target.wasAsked = true;
      return send(target, stopSignal);
    }).length;
  }

  function targetOf({ pid, startTicks }: ProcessIdentity): Target {
    const identity = { pid, startTicks };
    const target = targets.get(keyOf(identity)) ?? { identity, wasAsked: false };
    targets.set(keyOf(identity), target);
    return target;
  }

  function kill(target: Target): boolean {
    if (target.lastKillMs !== undefined && nowMs() - target.lastKillMs < RETRY_MS) return false;
    return send(target, "SIGKILL");
  }

  function send(target: Target, name: NodeJS.Signals): boolean {
    const { pid } = target.identity;
    const seen = table.find(pid);
    if (seen === undefined || !isLiving(seen) || !isSame(target.identity, seen)) return false;
    if (name === "SIGKILL") {
      target.lastKillMs = nowMs();
      target.firstKillMs ??= target.lastKillMs;
    }
    try {
      signal(pid, name);
      delete target.refusal;
      target.sent = { pid, name: seen.name, signal: name };
      return true;
    } catch (error) {
      const { code = "unknown" } = error as NodeJS.ErrnoException;
      if (code !== "ESRCH") target.refusal = code;
      return false;
    }
  }

  /** Reports stuck processes, and returns whether to give up. */
  function isGivenUp(remaining: readonly ProcessEntry[]): boolean {
    const isOver = nowMs() - startedMs >= giveUpMs;
    const stuck = isOver ? remaining : stuckAmong(remaining);
    if (stuck.length > 0 && !isStuck) {
      isStuck = true;
      onStuck(stuck.map((entry) => ({ pid: entry.pid, name: entry.name, reason: reasonOf(entry) })));
    }
    return isOver || (isStuck && giveUpMs < Number.POSITIVE_INFINITY);
  }

  function stuckAmong(remaining: readonly ProcessEntry[]): readonly ProcessEntry[] {
    const isRefused = (entry: ProcessEntry) => {
      const { firstKillMs, refusal } = targetOf(entry);
      return firstKillMs !== undefined && refusal !== undefined;
    };
    const isOverdue = (entry: ProcessEntry) => nowMs() - (targetOf(entry).firstKillMs ?? nowMs()) >= stuckMs;
    // A process that refuses signals is stuck at once. The report waits while others may still end, to name all in one.
    if (!remaining.every(isRefused) && !remaining.some(isOverdue)) return [];
    return remaining.filter((entry) => isRefused(entry) || isOverdue(entry));
  }

  function reasonOf(entry: ProcessEntry): string {
    const { refusal } = targetOf(entry);
    if (refusal !== undefined) return `not ours to signal (${refusal})`;
    return entry.state === "D" ? "in state D (uninterruptible)" : `in state ${entry.state} in spite of SIGKILL`;
  }

  // When all of these are gone the whole table is read again, for none may be left then.
  async function untilNextLook(remaining: readonly ProcessEntry[]): Promise<void> {
    const dueMs = nowMs() + (isStuck ? RETRY_MS : WHOLE_LOOK_MS);
    do {
      const untilKillMs = killMs - nowMs();
      await pauseUnlessWoken(untilKillMs > 0 ? Math.min(pauseMs, untilKillMs) : pauseMs);
      pauseMs = Math.min(2 * pauseMs, isStuck ? STUCK_PAUSE_MS : LONGEST_PAUSE_MS);
      if (untilKillMs > 0 && nowMs() >= killMs) return;
    } while (nowMs() < dueMs && remaining.some(isAlive));
  }

  function isAlive(entry: ProcessIdentity): boolean {
    const seen = table.find(entry.pid);
    return seen !== undefined && isLiving(seen) && isSame(entry, seen);
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

function keyOf({ pid, startTicks }: ProcessIdentity): string {
  return `${pid} ${startTicks}`;
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
