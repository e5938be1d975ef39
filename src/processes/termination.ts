// Ends processes, and is done only when the process table shows none of them. Each is signalled by itself, and only
// when it has just been seen under its pid and start time: a pid from memory may be somebody else's by now.
import { setTimeout as wait } from "node:timers/promises";
import { isLiving, isSame, type ProcessEntry, type ProcessIdentity } from "./stat.ts";
import type { ProcessTable } from "./table.ts";

/** A process that had to be signalled, and the last signal it was sent. */
export interface Ended {
  pid: number;
  name: string;
  signal: NodeJS.Signals;
}

/** A process that does not end, and why. */
export interface Survivor {
  pid: number;
  name: string;
  reason: string;
}

/** What the work is done with; what is left out is the system's own. */
export interface Means {
  table: ProcessTable;
  signal?: (pid: number, signal: NodeJS.Signals) => void;
  /** Monotonic. */
  nowMs?(): number;
  pause?(ms: number): Promise<unknown>;
}

export interface PursuitOptions extends Means {
  /** Who is to go, of all there are. Asked anew at every look. */
  findTargets(entries: readonly ProcessEntry[]): ProcessEntry[];
  /** The polite signal, sent once to each; none without a grace period. */
  stopSignal?: NodeJS.Signals;
  /** How long they have until SIGKILL. */
  graceMs: number;
  /** After how long the search is given up; never by default. */
  boundMs?: number;
  /** After how long a process that lives on after its SIGKILL is stuck. */
  stuckMs?: number;
  /** Comes once at most, with all who are stuck at that moment. */
  onStuck?(survivors: Survivor[]): void;
}

export interface Termination {
  /** Resolves when nobody is left, or at the bound. */
  done: Promise<Ended[]>;
  /** Ends the grace period. */
  killNow(): void;
}

interface Quarry {
  identity: ProcessIdentity;
  /** The last signal that was delivered. */
  sent?: Ended;
  wasAsked: boolean;
  /** When it was sent SIGKILL first and last, or that was refused. */
  firstKillMs?: number;
  lastKillMs?: number;
  refusal?: string;
}

/** Pauses between looks: they grow. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;
/** The longest one once somebody is stuck. */
const STUCK_PAUSE_MS = 500;
/** How long those who were signalled are looked at alone, which costs next to nothing; then it is the whole table. */
const WHOLE_LOOK_MS = 250;
/** How long after a SIGKILL that did not help another one is sent. */
const RETRY_MS = 5_000;

export function pursue({
  findTargets,
  table,
  signal = sendSignal,
  nowMs = () => performance.now(),
  pause = wait,
  stopSignal = "SIGTERM",
  graceMs,
  boundMs = Number.POSITIVE_INFINITY,
  stuckMs = Number.POSITIVE_INFINITY,
  onStuck = () => {},
}: PursuitOptions): Termination {
  const startedMs = nowMs();
  const quarries = new Map<string, Quarry>();
  let killMs = startedMs + graceMs;
  let pauseMs = FIRST_PAUSE_MS;
  let isStuck = false;
  let wake = () => {};

  async function run(): Promise<Ended[]> {
    while (true) {
      const targets = await look();
      if (targets?.length === 0) break;
      if (approach(targets ?? []) > 0) pauseMs = FIRST_PAUSE_MS;
      if (isGivenUp(targets ?? [])) break;
      await untilWorthALook(targets ?? []);
    }
    return [...quarries.values()].flatMap(({ sent }) => (sent === undefined ? [] : [sent]));
  }

  /** Who is to go, and who was and is still there; undefined when that can't be read, which does not mean nobody. */
  async function look(): Promise<ProcessEntry[] | undefined> {
    const entries = await table.read().catch(() => undefined);
    if (entries === undefined) return undefined;
    const known = entries.filter((entry) => isLiving(entry) && quarries.has(keyOf(entry)));
    return [...new Set([...findTargets(entries), ...known])];
  }

  /** Signals whoever is due, and answers how many those are. */
  function approach(targets: readonly ProcessEntry[]): number {
    return targets.filter((target) => {
      const quarry = quarryOf(target);
      if (nowMs() >= killMs) return kill(quarry);
      if (quarry.wasAsked) return false;
      quarry.wasAsked = true;
      return send(quarry, stopSignal);
    }).length;
  }

  function quarryOf({ pid, startTicks }: ProcessIdentity): Quarry {
    const identity = { pid, startTicks };
    const quarry = quarries.get(keyOf(identity)) ?? { identity, wasAsked: false };
    quarries.set(keyOf(identity), quarry);
    return quarry;
  }

  function kill(quarry: Quarry): boolean {
    if (quarry.lastKillMs !== undefined && nowMs() - quarry.lastKillMs < RETRY_MS) return false;
    return send(quarry, "SIGKILL");
  }

  function send(quarry: Quarry, name: NodeJS.Signals): boolean {
    const { pid } = quarry.identity;
    const seen = table.find(pid);
    if (seen === undefined || !isLiving(seen) || !isSame(quarry.identity, seen)) return false;
    if (name === "SIGKILL") {
      quarry.lastKillMs = nowMs();
      quarry.firstKillMs ??= quarry.lastKillMs;
    }
    try {
      signal(pid, name);
      delete quarry.refusal;
      quarry.sent = { pid, name: seen.name, signal: name };
      return true;
    } catch (error) {
      const { code = "unknown" } = error as NodeJS.ErrnoException;
      if (code !== "ESRCH") quarry.refusal = code;
      return false;
    }
  }

  /** Reports those who are stuck, and answers whether that is the end. */
  function isGivenUp(targets: readonly ProcessEntry[]): boolean {
    const isOver = nowMs() - startedMs >= boundMs;
    const stuck = isOver ? targets : stuckAmong(targets);
    if (stuck.length > 0 && !isStuck) {
      isStuck = true;
      onStuck(stuck.map((target) => ({ pid: target.pid, name: target.name, reason: reasonOf(target) })));
    }
    return isOver || (isStuck && boundMs < Number.POSITIVE_INFINITY);
  }

  function stuckAmong(targets: readonly ProcessEntry[]): readonly ProcessEntry[] {
    const isRefused = (target: ProcessEntry) => {
      const { firstKillMs, refusal } = quarryOf(target);
      return firstKillMs !== undefined && refusal !== undefined;
    };
    const isOverdue = (target: ProcessEntry) => nowMs() - (quarryOf(target).firstKillMs ?? nowMs()) >= stuckMs;
    // Nothing is to be expected of those who refuse; while others may still go, the report waits to be complete.
    if (!targets.every(isRefused) && !targets.some(isOverdue)) return [];
    return targets.filter((target) => isRefused(target) || isOverdue(target));
  }

  function reasonOf(target: ProcessEntry): string {
    const { refusal } = quarryOf(target);
    if (refusal !== undefined) return `not ours to signal (${refusal})`;
    return target.state === "D" ? "in state D (uninterruptible)" : `in state ${target.state} in spite of SIGKILL`;
  }

  // All of the table is worth a look when these are gone, for then there may be nobody left.
  async function untilWorthALook(targets: readonly ProcessEntry[]): Promise<void> {
    const dueMs = nowMs() + (isStuck ? RETRY_MS : WHOLE_LOOK_MS);
    do {
      const graceMs = killMs - nowMs();
      await untilWoken(graceMs > 0 ? Math.min(pauseMs, graceMs) : pauseMs);
      pauseMs = Math.min(2 * pauseMs, isStuck ? STUCK_PAUSE_MS : LONGEST_PAUSE_MS);
      if (graceMs > 0 && nowMs() >= killMs) return;
    } while (nowMs() < dueMs && targets.some(isThere));
  }

  function isThere(target: ProcessIdentity): boolean {
    const seen = table.find(target.pid);
    return seen !== undefined && isLiving(seen) && isSame(target, seen);
  }

  function untilWoken(ms: number): Promise<void> {
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
 * Ends a group without a table, where nobody can be told apart. The id of a group is free only when the group is empty,
 * so the signal reaches nobody else.
 */
export function killGroup(leader: number, signal: Means["signal"] = sendSignal): void {
  try {
    signal(-leader, "SIGKILL");
  } catch {
    // Nobody is there, or only the dead that wait to be reaped.
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
}
