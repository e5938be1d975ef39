// Decides what the schedule of a task wants at a moment: which of its times has come, and which have passed while nobody
// was there to start it. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { type Schedule, timeAfter, timeUpTo } from "../../config/schedule.ts";
import type { TaskState } from "../../protocol/task-state.ts";

/** Whether a schedule starts the task by itself: a stop switches it off, and a start on again. */
export function scheduleOf({ supervision: { schedule } }: TaskServiceConfig, state: TaskState): Schedule | undefined {
  return state === "stopped" ? undefined : schedule;
}

/** Times are kept up to the minute by those that are busy or asleep for a moment; what is later counts as missed. */
export const LATE_MS = 90_000;
/** So many times that have passed are counted. */
export const MOST_COUNTED = 1_000;

/** Times of a schedule that have come, in milliseconds since 1970. */
export interface Due {
  /** The last of them. */
  atMs: number;
  /** Long ago: nobody was there to start the task. */
  isMissed: boolean;
  /** How many came before it; `MOST_COUNTED` stands for as many or more. */
  before: number;
}

/** What has come since the last time that was seen to; undefined for nothing. A clock that was set back begins anew. */
export function dueSince(schedule: Schedule, seenMs: number, nowMs: number): Due | undefined {
  let atMs: number | undefined;
  let count = 0;
  for (let next = timeAfter(schedule, seenMs); next !== undefined && next <= nowMs; next = timeAfter(schedule, next)) {
    atMs = next;
    count += 1;
    if (count > MOST_COUNTED) {
      atMs = timeUpTo(schedule, nowMs) ?? atMs;
      break;
    }
  }
  return atMs === undefined ? undefined : { atMs, isMissed: nowMs - atMs > LATE_MS, before: count - 1 };
}

/** What follows from times that have come, and what is said of them. */
export interface Consequence {
  isStart: boolean;
  /** Of the task, each with its reason. */
  notes: readonly { phrase: string; reason: string }[];
}

/** @param running - What it is doing that keeps it from another run, such as `running`; undefined for nothing. */
export function consequenceOfDue(
  { atMs, isMissed, before }: Due,
  { catchUp }: Schedule,
  running?: string,
): Consequence {
  const at = new Date(atMs).toISOString();
  const passed = before + (isMissed ? 1 : 0);
  const times = passed >= MOST_COUNTED ? `${MOST_COUNTED} times or more` : passed === 1 ? "once" : `${passed} times`;
  const last = isMissed ? `, last at ${at}` : "";
  const isCaughtUp = isMissed && catchUp;
  const missed = {
    phrase: "run missed",
    reason: `its schedule came ${times} while nobody could start it${last}${isCaughtUp ? "; one run makes up for that" : ""}`,
  };
  const skipped = { phrase: "run skipped", reason: `its schedule came at ${at}, when it was ${running} still` };
  const isWanted = !isMissed || catchUp;
  return {
    isStart: isWanted && running === undefined,
    notes: [...(passed > 0 ? [missed] : []), ...(isWanted && running !== undefined ? [skipped] : [])],
  };
}

/** Tells the next time of a schedule for records, which are asked for often: it is looked up once it has come. */
export function createNextRun(wallMs: () => number) {
  let known: { schedule: Schedule; fromMs: number; atMs: number | undefined } | undefined;
  return (schedule: Schedule | undefined): { next_run?: string } => {
    if (schedule === undefined) return {};
    const nowMs = wallMs();
    if (known?.schedule !== schedule || nowMs < known.fromMs || nowMs >= (known.atMs ?? 0))
      known = { schedule, fromMs: nowMs, atMs: timeAfter(schedule, nowMs) };
    return known.atMs === undefined ? {} : { next_run: new Date(known.atMs).toISOString() };
  };
}
