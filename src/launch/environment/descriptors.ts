// Checks whether the provider may open as many files as its tasks will need. Without the check a shortage shows only much
// later, as tasks that can't be started.
import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";

/** Descriptors for each task, generously: pipes, figures, and the same again while the task is being replaced. */
const PER_TASK = 16;
/** Descriptors for everything else. */
const BASE = 512;

/** The descriptors needed and the limit; undefined where the limit suffices or can't be read. */
export function descriptorShortage(
  tasks: number,
  limits = readLimits(),
): { needed: number; limit: number } | undefined {
  const needed = PER_TASK * tasks + BASE;
  const [, hard = ""] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? [];
  const limit = Number(hard);
  return Number.isInteger(limit) && hard !== "" && limit < needed ? { needed, limit } : undefined;
}

/** Throws the system's error when so many more files can't be opened at present. */
export function assertDescriptors(count: number): void {
  const held: number[] = [];
  try {
    while (held.length < count) held.push(openSync(devNull, "r"));
  } finally {
    for (const file of held) closeSync(file);
  }
}

/** The limits of this process, as the system lists them. */
export function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // a system without /proc
  }
}
