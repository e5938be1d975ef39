// The process table as /proc shows it: which processes live, and which of them a test has started. A process that is dead
// and waits to be reaped does not live.
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach } from "vitest";
import { BOUND_MS } from "./bound.ts";

export interface LivingProcess {
  pid: number;
  parentPid: number;
  /** Clock ticks from the boot of the machine to its start; tells it from a later one with the same pid. */
  startedTicks: number;
  /** Its arguments, with a space between. */
  command: string;
}

/** Stands in the environment of whatever a test starts, itself or through others. */
const MARK = "ZCONTEXT_TEST";
/** The compiler keeps a process of its own for as long as ours lives. */
const COMPILER = "esbuild --service=";
const POLL_MS = 10;

/** The living process with this pid; undefined when there is none. */
export async function findProcess(pid: number): Promise<LivingProcess | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    // The name stands in parentheses and may hold some itself; the fields follow the last one.
    const [state = "X", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    return { pid, parentPid: Number(fields[0]), startedTicks: Number(fields[18]), command };
  } catch {
    return undefined; // gone, perhaps while we looked
  }
}

export async function isLiving(pid: number): Promise<boolean> {
  return (await findProcess(pid)) !== undefined;
}

/** Resolves when all of these processes are gone; throws, naming those that stay, when that does not happen. */
export async function untilGone(...pids: number[]): Promise<void> {
  const known = await Promise.all(pids.map(findProcess));
  await untilEmpty(() => stillLiving(known));
}

/** Those of these that still live; another process that has got the pid of one is none of them. */
async function stillLiving(known: readonly (LivingProcess | undefined)[]): Promise<LivingProcess[]> {
  const now = await Promise.all(known.map((process) => process && findProcess(process.pid)));
  return now.flatMap((process, index) =>
    process !== undefined && process.startedTicks === known[index]?.startedTicks ? [process] : [],
  );
}

/**
 * Has each test of the file fail that leaves a process behind. What is marked is what the test starts, and what that
 * starts in its turn, sessions and groups of its own included.
 */
export function leaveNoProcess(): void {
  beforeEach(() => {
    process.env[MARK] = randomUUID();
  });
  afterEach(async () => {
    // Those that are found are waited for by their pids: finding them takes the environment of every process of the machine.
    for (let left = await started(); left.length > 0; left = await started()) await untilEmpty(() => stillLiving(left));
  });
}

/** What the present test has started and is still there. */
export async function started(): Promise<LivingProcess[]> {
  return marked(MARK, process.env[MARK] ?? "");
}

/** The living processes that have inherited this variable of the environment. */
export async function marked(name: string, value: string): Promise<LivingProcess[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => ((await environmentOf(pid)).includes(`${name}=${value}`) ? findProcess(pid) : undefined)),
  );
  return found.filter((process): process is LivingProcess => !(process?.command ?? COMPILER).includes(COMPILER));
}

/** The environment that a process was started with, as `NAME=value`; empty when it is gone, or not ours. */
export async function environmentOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")).split("\0");
}

async function untilEmpty(look: () => Promise<LivingProcess[]>): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  let left = await look();
  while (left.length > 0) {
    if (performance.now() > deadline) throw new Error(`still there: ${describe(left)}`);
    await pause(POLL_MS);
    left = await look();
  }
}

function describe(processes: readonly LivingProcess[]): string {
  return processes.map(({ pid, command }) => `${pid} (${command})`).join(", ");
}
