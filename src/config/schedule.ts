// When a task with a schedule is due: the times that a cron expression names, in a time zone. Pure.
import { createRequire } from "node:module";
import type { Cron } from "croner";

export interface Schedule {
  /** Five fields, six with seconds first, or a word such as `@daily`. */
  cron: string;
  /** An IANA name; that of the machine by default. */
  zone?: string;
  /** Whether a time that has passed while nobody was there is made up for, once. */
  catchUp: boolean;
}

/** The first time after a moment, both in milliseconds since 1970; undefined where none comes. */
export function timeAfter(schedule: Schedule, afterMs: number): number | undefined {
  return cronOf(schedule).nextRun(new Date(afterMs))?.getTime();
}

/** The last time up to and including a moment. */
export function timeUpTo(schedule: Schedule, untilMs: number): number | undefined {
  return cronOf(schedule)
    .previousRuns(1, new Date(untilMs + 1))[0]
    ?.getTime();
}

/** What is wrong with an expression, in a clause; undefined where it names times. */
export function faultOfCron(cron: string): string | undefined {
  try {
    if (timeAfter({ cron, catchUp: false }, Date.UTC(2024, 0)) !== undefined) return undefined;
    return "it never comes";
  } catch (error) {
    // "CronPattern: Invalid value for minute: 61"
    const { message } = error as Error;
    return message.slice(message.indexOf(": ") + 2).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
  }
}

export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

const compiled = new WeakMap<Schedule, Cron>();

function cronOf(schedule: Schedule): Cron {
  const known = compiled.get(schedule);
  if (known !== undefined) return known;
  // Loaded on demand: most context files have no schedule.
  const croner: typeof import("croner") = createRequire(import.meta.url)("croner");
  const { cron, zone } = schedule;
  const made = new croner.Cron(cron, {
    paused: true,
    mode: "5-or-6-parts",
    ...(zone !== undefined && { timezone: zone }),
  });
  compiled.set(schedule, made);
  return made;
}
