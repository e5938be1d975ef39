// Whether the system lets the provider open as many files as its tasks will need: a shortage shows as tasks that can't
// be started, long after the cause.
import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";

/** What a task costs the provider, generously: pipes, figures, and those of tasks that are just being replaced. */
const PER_TASK = 16;
/** For everything else. */
const BASE = 512;

/** What is needed and what there is; undefined where that is enough, or can't be known. */
export function descriptorShortage(
  tasks: number,
  limits = readLimits(),
): { needed: number; limit: number } | undefined {
  const needed = PER_TASK * tasks + BASE;
  const [, hard = ""] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  const limit = Number(hard);
  return Number.isInteger(limit) && hard !== "" && limit < needed ? { needed, limit } : undefined;
}

/** Throws what the system says when so many files can't be opened at present. */
export function assertDescriptors(count: number): void {
  const held: number[] = [];
  try {
    while (held.length < count) held.push(openSync(devNull, "r"));
  } finally {
    for (const file of held) closeSync(file);
  }
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // no /proc to ask
  }
}
