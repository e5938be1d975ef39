// Whether the kernel's OOM killer has ended a process lately: the kernel counts that for a control group, and for the
// machine. Which process it was is told to root alone, so this is a hint beside a SIGKILL that nobody here has sent.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface OomWatch extends Disposable {
  /** Whose count has risen within the last seconds; undefined where none has, or none can be read. */
  hasKilled(): "group" | "machine" | undefined;
}

/** How often the counts are looked at, in milliseconds. */
const LOOK_MS = 5_000;

interface Counts {
  group: number | undefined;
  machine: number | undefined;
}

/** @param read - A file of the kernel; throws where there is none. */
export function watchOomKiller(read: (path: string) => string = (path) => readFileSync(path, "utf8")): OomWatch {
  const paths = { group: eventsOfGroup(read), machine: "/proc/vmstat" };
  let before = look();
  /** The counts before the last look: what came just before it counts as well. */
  let earlier = before;
  const timer = setInterval(() => {
    earlier = before;
    before = look();
  }, LOOK_MS);
  timer.unref();

  function look(): Counts {
    return { group: countIn(read, paths.group), machine: countIn(read, paths.machine) };
  }

  return {
    hasKilled() {
      const now = look();
      const hasRisen = (whose: keyof Counts) => (now[whose] ?? 0) > (earlier[whose] ?? Number.POSITIVE_INFINITY);
      return hasRisen("group") ? "group" : hasRisen("machine") ? "machine" : undefined;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Of the control group that this process is in, version 2. */
function eventsOfGroup(read: (path: string) => string): string | undefined {
  try {
    const [, group] = /^0::(.*)$/m.exec(read("/proc/self/cgroup")) ?? [];
    return group === undefined ? undefined : join("/sys/fs/cgroup", group, "memory.events");
  } catch {
    return undefined;
  }
}

function countIn(read: (path: string) => string, path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(read(path)) ?? [];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}
