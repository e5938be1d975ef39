// Tells whether an init reaps the orphans that tasks leave: process 1 inherits them, and Node reaps only what it has started.
import { readFileSync, readlinkSync } from "node:fs";

const REMEDY = "run it under an init: `docker run --init`, `init: true` in a Compose file, or tini";

/** Why no orphan is reaped, and what to do about it; undefined where an init does it, or none can be seen. */
export function initProblem(): string | undefined {
  if (process.pid === 1) return `the provider is process 1; ${REMEDY}`;
  if (isNode(1)) return `process 1 is Node (${commandOf(1)}); ${REMEDY}`;
  return undefined;
}

// By its program: npm changes what the process is called.
function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === readlinkSync("/proc/self/exe");
  } catch {
    return false; // of another user, or no /proc to ask
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
}
