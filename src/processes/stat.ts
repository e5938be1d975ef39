// What /proc/<pid>/stat says of a process, as far as it tells whose it is. See proc(5). Pure.
import type { Cookie } from "./cookie.ts";

/** What tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from the boot of the machine to its start. */
  startTicks: number;
}

export interface ProcessStat extends ProcessIdentity {
  ppid: number;
  group: number;
  session: number;
  /** The letter of proc(5), but `Z` and `X` only for what is dead altogether. */
  state: string;
  /** Of its program, cut to 15 characters by the kernel. */
  name: string;
}

/** A process as the table shows it; the cookie where it has one and its environment may be read. */
export interface ProcessEntry extends ProcessStat {
  cookie?: Cookie;
}

const FIRST_FIELD = 3;
const THREADS_FIELD = 20;
const START_FIELD = 22;
const SIZE_FIELD = 23;
const ENVIRONMENT_FIELDS = [50, 51] as const;

/**
 * Finds the fields that follow the name, by the numbers of proc(5), 3 to `last`. The name is what the process chose
 * itself: blanks, newlines, even ") R 1 (". Only its last ")" ends it.
 */
export function statFields(text: string, last: number): (number: number) => string | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", last - FIRST_FIELD + 1);
  return (number) => fields[number - FIRST_FIELD];
}

/** Reads one /proc/<pid>/stat; undefined when the text is none. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const pid = /^\d+(?= \()/.exec(text)?.[0];
  // One field more than is needed: the one before it is then known to be whole.
  const field = statFields(text, START_FIELD + 1);
  const state = field(FIRST_FIELD) ?? "";
  const numbers = [pid, field(4), field(5), field(6), field(THREADS_FIELD), field(START_FIELD)].map(readNumber);
  if (!/^[A-Za-z]$/.test(state) || field(START_FIELD + 1) === undefined || numbers.includes(Number.NaN)) {
    return undefined;
  }

  const [pidRead, ppid, group, session, threads, startTicks] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
  // A process whose first thread has ended before the others shows a Z, and lives.
  return { pid: pidRead, ppid, group, session, state: state === "Z" && threads > 1 ? "S" : state, startTicks, name };
}

/**
 * Where a process keeps its environment, from its /proc/<pid>/stat: where that begins and ends, `0 0` while it becomes
 * another program. Undefined where it has no memory any more, or the text does not say.
 */
export function placeOfEnvironment(text: string): string | undefined {
  const field = statFields(text, ENVIRONMENT_FIELDS[1] + 1);
  const [begin, end] = ENVIRONMENT_FIELDS.map(field);
  return field(SIZE_FIELD) === "0" || end === undefined ? undefined : `${begin} ${end}`;
}

function readNumber(text = ""): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** Whoever is dead and only waits to be reaped does not live. */
export function isLiving({ state }: Pick<ProcessStat, "state">): boolean {
  return !/^[ZXx]$/.test(state);
}

export function isSame(one: ProcessIdentity, other: ProcessIdentity | undefined): boolean {
  return one.pid === other?.pid && one.startTicks === other.startTicks;
}
