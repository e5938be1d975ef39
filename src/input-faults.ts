import type { Log } from "./log.ts";

/** Counts input that could not be used, by kind, and logs it within limits. */
export interface InputFaults {
  /** How often each kind has occurred. */
  readonly counts: { readonly [kind: string]: number };
  add(kind: string, fields: { [name: string]: unknown }): void;
}

/** The limit of log lines per kind; further faults are only counted. */
const LINES_PER_SECOND = 10;

export function createInputFaults(log: Log, nowMs: () => number): InputFaults {
  const counts: { [kind: string]: number } = {};
  const seconds = new Map<string, { startedMs: number; lines: number; muted: number }>();

  return {
    counts,
    add(kind, fields) {
      counts[kind] = (counts[kind] ?? 0) + 1;
      const before = seconds.get(kind);
      const isSame = before !== undefined && nowMs() - before.startedMs < 1_000;
      const second = isSame ? before : { startedMs: nowMs(), lines: 0, muted: 0 };
      seconds.set(kind, second);
      if (!isSame && before !== undefined && before.muted > 0)
        log.warn({ muted: before.muted }, `${kind}, further lines left out`);
      second.lines += 1;
      if (second.lines <= LINES_PER_SECOND) log.warn({ ...fields, count: counts[kind] }, kind);
      else second.muted += 1;
    },
  };
}
