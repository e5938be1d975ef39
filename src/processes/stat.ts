// Reads /proc/<pid>/stat, as far as it is needed to identify a process and the processes it belongs to. See proc(5). Pure.
import type { Cookie } from "./cookie.ts";

/** Tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in clock ticks since the boot of the machine. */
  startTicks: number;
}

export interface ProcessStat extends ProcessIdentity {
  ppid: number;
  group: number;
  session: number;
  /** The letter of proc(5), but `Z` only where no thread is alive. */
  state: string;
  /** Of its program; the kernel cuts it to 15 characters. */
  name: string;
}

/** A process as the table shows it, with its cookie if it has one in an environment that we may read. */
export interface ProcessEntry extends ProcessStat {
  cookie?: Cookie;
}

const FIRST_FIELD = 3;
const THREADS_FIELD = 20;
const START_FIELD = 22;
const SIZE_FIELD = 23;
const ENVIRONMENT_FIELDS = [50, 51] as const;

/**
 * Finds the fields behind the name, by their numbers in proc(5), 3 to `last`. A process chooses its name itself, which may
 * hold blanks, newlines, even ") R 1 (": only the last ")" ends it.
 */
export function statFields(text: string, last: number): (number: number) => string | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", last - FIRST_FIELD + 1);
  return (number) => fields[number - FIRST_FIELD];
}

/**
 * Parses one /proc/<pid>/stat; undefined when the text is not one.
 *
 * @param text - The bytes of the file, read as Latin-1: all but the name is ASCII, and that is decoded here.
 */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const pid = /^\d+(?= \()/.exec(text)?.[0];
  // One field more than needed: where it exists, the one before it is complete.
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
  const name = decodeName(text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")));
  // A process shows Z when its first thread has exited, even while other threads run.
  return { pid: pidRead, ppid, group, session, state: state === "Z" && threads > 1 ? "S" : state, startTicks, name };
}

/**
 * The address range of a process's environment as its /proc/<pid>/stat gives it, `0 0` during an exec. Undefined where the
 * process has no memory any more, or where the text does not say.
 */
export function environmentRange(text: string): string | undefined {
  const field = statFields(text, ENVIRONMENT_FIELDS[1] + 1);
  const [begin, end] = ENVIRONMENT_FIELDS.map(field);
  return field(SIZE_FIELD) === "0" || end === undefined ? undefined : `${begin} ${end}`;
}

// A name may be any bytes; most are UTF-8. The kernel may have cut it within a character, which is then left out.
function decodeName(bytes: string): string {
  return /^[\0-\x7f]*$/.test(bytes) ? bytes : new TextDecoder().decode(Buffer.from(bytes, "latin1"), { stream: true });
}

function readNumber(text = ""): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** False for zombies: they have exited and only wait for their parent. */
export function isLiving({ state }: Pick<ProcessStat, "state">): boolean {
  return !/^[ZXx]$/.test(state);
}

export function isSame(one: ProcessIdentity, other: ProcessIdentity | undefined): boolean {
  return one.pid === other?.pid && one.startTicks === other.startTicks;
}
