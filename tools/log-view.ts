// How the lines of a log are dated, and when they name their transaction. On a terminal a line has the time alone, and the
// day stands above the first line of each day; anywhere else every line has both. A transaction is named once there are
// several. Pure.

/** What stands in front of a line, and above it. */
export interface Dated {
  /** The day, where it begins. */
  heading: string | undefined;
  stamp: string;
}

/** Dates the lines of a log one after the other, in the time zone of the reader. */
export function createDating(isTerminal: boolean): (time: Date) => Dated {
  let day: string | undefined;
  return (time) => {
    const [today, clock] = [dayOf(time), clockOf(time)];
    if (!isTerminal) return { heading: undefined, stamp: `${today} ${clock}` };
    const heading = today === day ? undefined : today;
    day = today;
    return { heading, stamp: clock };
  };
}

/** `next run 2026-12-02 03:00:00`, of a time of ISO 8601, in the time zone of the reader. */
export function nextRunWords(nextRun: string): string {
  const time = new Date(nextRun);
  return `next run ${dayOf(time)} ${clockOf(time).slice(0, 8)}`;
}

function dayOf(time: Date): string {
  const [month, date] = [time.getMonth() + 1, time.getDate()].map((part) => String(part).padStart(2, "0"));
  return `${String(time.getFullYear()).padStart(4, "0")}-${month}-${date}`;
}

function clockOf(time: Date): string {
  return time.toTimeString().slice(0, 8) + time.toISOString().slice(19, 23);
}

/** Answers whether a line of this transaction has to name it: there have been lines of another one. */
export function createTransactionSight(): (transaction: unknown) => boolean {
  let first: unknown;
  let areSeveral = false;
  return (transaction) => {
    if (transaction === undefined) return false;
    first ??= transaction;
    areSeveral ||= transaction !== first;
    return areSeveral;
  };
}
