// Parses what Linux writes under /proc into readings. See proc(5). Pure.
import { statFields } from "../processes/stat.ts";

/** What is known of a process on every system. `startMs` counts from boot; with the pid it identifies the process. */
export interface ProcessReading {
  pid: number;
  ppid: number;
  cpuMs: number;
  rssBytes: number;
  /** Absent on a system without /proc. */
  startMs?: number;
}

/** What /proc/<pid>/stat adds. */
export interface StatReading extends Required<ProcessReading> {
  status: string;
  threads: number;
  userMs: number;
  systemMs: number;
  vmsBytes: number;
}

/** What the kernel counts memory and time in. */
export interface KernelUnits {
  pageBytes: number;
  ticksPerSecond: number;
}

/** The names of psutil, which are those of the wire. */
const STATUS_WORDS: Readonly<Record<string, string>> = {
  R: "running",
  S: "sleeping",
  D: "disk-sleep",
  T: "stopped",
  t: "tracing-stop",
  Z: "zombie",
  X: "dead",
  x: "dead",
  K: "wake-kill",
  W: "waking",
  I: "idle",
  P: "parked",
};

const STATE_FIELD = 3;
const RSS_FIELD = 24;

/** Parses one /proc/<pid>/stat; undefined when the text is incomplete, as when the process ended during the read. */
export function parseStat(text: string, { pageBytes, ticksPerSecond }: KernelUnits): StatReading | undefined {
  const textOf = statFields(text, RSS_FIELD);
  const field = (number: number) => Number(textOf(number));
  const ms = (ticks: number) => (ticks * 1000) / ticksPerSecond;
  const [userTicks, systemTicks] = [field(14), field(15)];

  const reading = {
    pid: Number.parseInt(text, 10),
    ppid: field(4),
    status: STATUS_WORDS[textOf(STATE_FIELD) ?? ""] ?? "unknown",
    threads: field(20),
    cpuMs: ms(userTicks + systemTicks),
    userMs: ms(userTicks),
    systemMs: ms(systemTicks),
    startMs: ms(field(22)),
    vmsBytes: field(23),
    rssBytes: field(RSS_FIELD) * pageBytes,
  };
  return Object.values(reading).some(Number.isNaN) ? undefined : reading;
}

/**
 * Resident memory from /proc/<pid>/statm, as `ps` and `top` show it. From Linux 6.2 on the value of /proc/<pid>/stat is an
 * estimate: 1.4 MiB for a program of 1.6 MiB.
 */
export function parseResidentBytes(text: string, { pageBytes }: KernelUnits): number | undefined {
  const pages = /^\d+ (\d+) /.exec(text)?.[1];
  return pages === undefined ? undefined : Number(pages) * pageBytes;
}

const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

/** Finds page size and clock tick in /proc/self/auxv, without a `getconf` process; defaults to 4096 and 100. */
export function parseAuxv(bytes: Uint8Array): KernelUnits {
  // Pairs of 64-bit little-endian words. On other machines (32-bit ARM, s390x) nothing is found, and the defaults hold.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<bigint, bigint>();
  for (let at = 0; at + 16 <= bytes.byteLength; at += 16) {
    entries.set(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
  }
  return {
    pageBytes: Number(entries.get(AT_PAGESZ) ?? 4096n),
    ticksPerSecond: Number(entries.get(AT_CLKTCK) ?? 100n),
  };
}

/** When the machine was booted, in epoch seconds, from the text of /proc/stat. */
export function parseBootTime(text: string): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

/** How long the machine has run, in milliseconds, from the text of /proc/uptime. */
export function parseUptime(text: string): number | undefined {
  const seconds = /^\d+(\.\d+)?/.exec(text)?.[0];
  return seconds === undefined ? undefined : Math.round(Number(seconds) * 1000);
}
