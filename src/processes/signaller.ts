// Signals processes one by one, and remembers what each was sent and how it reacted. A process is signalled by its pid, and
// only right after it was seen under that pid with the same start time: the system may have given the pid to another one.
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

export interface Signaller {
  /** Whether the process was to be signalled before. */
  knows(entry: ProcessIdentity): boolean;
  /** Sends the stop signal, once to each process. Returns whether it was delivered. */
  ask(entry: ProcessIdentity): boolean;
  /** Sends SIGKILL, again after a while if it had no effect. Returns whether it was delivered. */
  kill(entry: ProcessIdentity): boolean;
  /**
   * The processes that SIGKILL does not end: those that refuse signals, and those alive `stuckMs` after it. Empty while others
   * may still end, so that one report names all of them.
   */
  stuckAmong(entries: readonly ProcessEntry[], stuckMs: number): readonly ProcessEntry[];
  describe(entry: ProcessEntry): StuckProcess;
  /** Whether the process is alive at this moment. */
  isAlive(entry: ProcessIdentity): boolean;
  /** All processes that a signal was delivered to. */
  signalled(): SignalledProcess[];
}

export interface SignallerOptions {
  table: ProcessTable;
  signal: (pid: number, signal: NodeJS.Signals) => void;
  nowMs: () => number;
  stopSignal: NodeJS.Signals;
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

/** How long after a SIGKILL without effect another one is sent. */
export const RETRY_MS = 5_000;

export function createSignaller({ table, signal, nowMs, stopSignal }: SignallerOptions): Signaller {
  const targets = new Map<string, Target>();

  function targetOf({ pid, startTicks }: ProcessIdentity): Target {
    const identity = { pid, startTicks };
    const target = targets.get(keyOf(identity)) ?? { identity, wasAsked: false };
    targets.set(keyOf(identity), target);
    return target;
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

  return {
    knows: (entry) => targets.has(keyOf(entry)),
    ask(entry) {
      const target = targetOf(entry);
      if (target.wasAsked) return false;
      target.wasAsked = true;
      return send(target, stopSignal);
    },
    kill(entry) {
      const target = targetOf(entry);
      if (target.lastKillMs !== undefined && nowMs() - target.lastKillMs < RETRY_MS) return false;
      return send(target, "SIGKILL");
    },
    stuckAmong(entries, stuckMs) {
      const isRefused = (entry: ProcessEntry) => {
        const { firstKillMs, refusal } = targetOf(entry);
        return firstKillMs !== undefined && refusal !== undefined;
      };
      const isOverdue = (entry: ProcessEntry) => nowMs() - (targetOf(entry).firstKillMs ?? nowMs()) >= stuckMs;
      if (!entries.every(isRefused) && !entries.some(isOverdue)) return [];
      return entries.filter((entry) => isRefused(entry) || isOverdue(entry));
    },
    describe(entry) {
      return { pid: entry.pid, name: entry.name, reason: whyStuck(entry, targetOf(entry).refusal) };
    },
    isAlive(entry) {
      const seen = table.find(entry.pid);
      return seen !== undefined && isLiving(seen) && isSame(entry, seen);
    },
    signalled: () => [...targets.values()].flatMap(({ sent }) => (sent === undefined ? [] : [sent])),
  };
}

function whyStuck({ state }: ProcessEntry, refusal: string | undefined): string {
  if (refusal !== undefined) return `not ours to signal (${refusal})`;
  return state === "D" ? "in state D (uninterruptible)" : `in state ${state} in spite of SIGKILL`;
}

function keyOf({ pid, startTicks }: ProcessIdentity): string {
  return `${pid} ${startTicks}`;
}
