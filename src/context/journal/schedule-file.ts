// Keeps which times of schedules were seen to, in a file beside the journal, so that the next provider knows what was
// missed. Where the file can't be read or written, the log says so, and only what this provider has seen is known.
import { readFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../../errors.ts";
import { writeFlushed } from "../../flushed-file.ts";
import type { Log } from "../../log.ts";
import { dictionaryOf, object, optional, read, text } from "../../protocol/schema.ts";
import { TIME } from "../../protocol/transition.ts";
import type { StateFiles } from "./state-files.ts";

/** Which schedule a task has; with another one it begins anew. */
export interface SeenSchedule {
  cron: string;
  zone?: string;
}

export interface ScheduleMemory extends AsyncDisposable {
  /** When a schedule of a task was seen to last, in milliseconds since 1970; undefined for one that is new. */
  seenMs(task: string, schedule: SeenSchedule): number | undefined;
  saw(task: string, schedule: SeenSchedule, seenMs: number): void;
}

const SEEN = object({ cron: text, zone: optional(text), seen: TIME });
const FILE = object({ tasks: dictionaryOf(SEEN, "an object of times") });
type Seen = { cron: string; zone?: string | undefined; seen: string };

/** Reads the file when it is first asked: most contexts have no schedule. */
export function openScheduleMemory({ folder, name }: StateFiles, log: Log): ScheduleMemory {
  const path = join(folder, `${name}.schedule.json`);
  let tasks: Map<string, Seen> | undefined;
  let writing: Promise<void> | undefined;
  let isStale = false;
  let isTold = false;

  function known(): Map<string, Seen> {
    tasks ??= readSeen(path, log);
    return tasks;
  }

  // One write at a time, and one more for all that has come meanwhile.
  async function write(): Promise<void> {
    while (isStale) {
      isStale = false;
      try {
        await writeFlushed(`${path}.new`, `${JSON.stringify({ tasks: Object.fromEntries(known()) })}\n`);
        await rename(`${path}.new`, path);
        isTold = false;
      } catch (error) {
        if (!isTold) log.warn({ file: path, reason: reasonOf(error) }, "times of schedules can't be kept");
        isTold = true;
      }
    }
    writing = undefined;
  }

  return {
    seenMs(task, { cron, zone }) {
      const seen = known().get(task);
      return seen?.cron === cron && seen.zone === zone ? Date.parse(seen.seen) : undefined;
    },
    saw(task, { cron, zone }, seenMs) {
      const seen = new Date(seenMs).toISOString();
      known().set(task, { cron, ...(zone !== undefined && { zone }), seen });
      isStale = true;
      writing ??= write();
    },
    // What was seen is on the disk then, or can't be.
    [Symbol.asyncDispose]: async () => writing,
  };
}

function readSeen(path: string, log: Log): Map<string, Seen> {
  try {
    const { value, misfit } = read(FILE, JSON.parse(readFileSync(path, "utf8")));
    if (value !== undefined) return new Map(Object.entries(value.tasks));
    log.warn({ file: path, field: misfit.field, expected: misfit.expected }, "times of schedules can't be read");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      log.warn({ file: path, reason: reasonOf(error) }, "times of schedules can't be read");
  }
  return new Map();
}
