// The last lines that tasks have printed, within bounds of lines, of their length, and of tasks. Pure.
import type { OutputLine } from "../contract/api.ts";
import { createLruMap } from "./lru-map.ts";
import { createRing, type Ring } from "./ring.ts";

export interface LastLines {
  /** Keeps a line, cut to the longest that is shown; answers what is kept. */
  add(channel: string, line: OutputLine): OutputLine;
  /** Those of a task, the oldest first. */
  of(channel: string): OutputLine[];
}

const MAX_TASKS = 500;
const MAX_LINES = 500;
const MAX_LINES_LENGTH = 64 * 1_024;
const MAX_LINE_LENGTH = 2_000;

export function createLastLines(): LastLines {
  const channels = createLruMap<Ring<OutputLine>>(MAX_TASKS, () =>
    createRing({ most: MAX_LINES, weight: MAX_LINES_LENGTH, weigh: ({ line }) => line.length }),
  );
  return {
    add(channel, whole) {
      const kept = { ...whole, line: whole.line.slice(0, MAX_LINE_LENGTH) };
      channels.at(channel).push(kept);
      return kept;
    },
    of: (channel) => channels.find(channel)?.all() ?? [],
  };
}
