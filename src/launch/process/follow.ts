// Reports what becomes of a process that was spawned: its output line by line, and its end once nothing of its process tree
// is left and all that it has printed was read.
import { setTimeout as pause } from "node:timers/promises";
import type { ProcessIdentity } from "../../processes/stat.ts";
import { UNKNOWN_START } from "../../processes/tree.ts";
import { type PrintedLine, printedLineOf } from "../../protocol/printed-lines.ts";
import { isShortage } from "../../shortage.ts";
import { type LineReader, readPrintedLines } from "../output/line-reader.ts";
import { createTimeSlices } from "../output/time-slices.ts";
import type { Leader } from "./leader.ts";
import type { ProcessOwnership } from "./process-ownership.ts";
import { createProcessTree, type ProcessTree } from "./process-tree.ts";
import type { ProcessOptions, ProgramEvents, RunningProgram, SpawnFailure } from "./running-program.ts";

/** How long nothing more may come after the process has ended, though an unknown process holds its output open. */
const SILENCE_MS = 1_000;
/** How long output that an unknown process goes on printing is read after the process has ended. */
const STRANGER_MS = 10_000;

/** Shared by all processes: however many print without end, the event loop is held up no longer than by one. */
export const slices = createTimeSlices();

interface Following {
  ownership: ProcessOwnership;
  events: ProgramEvents;
  /** Of its pipe, besides those of its output. */
  readers?: readonly LineReader[];
}

/** Reports what becomes of a process that was spawned, to the end of its tree. */
export function follow({ child, output }: Leader, options: ProcessOptions, following: Following): RunningProgram {
  const { ownership, events, readers = [] } = following;
  const outputs = readOutput(output, events);
  const { pid } = child;
  if (pid === undefined) {
    child.once("error", (error) => events.onSpawnFailed(failureOf(error)));
    return { signal() {}, kill() {} };
  }
  // The process may have exited already, but stays in the table until the event loop reaps it.
  const leader = { pid, startTicks: ownership.table.find(pid)?.startTicks ?? UNKNOWN_START };
  ownership.guard.add(leader);
  const tree = treeOf(leader, child, options, following);
  child.once("spawn", () => events.onSpawned(pid));
  child.once("exit", async (code, signal) => {
    const ended = await tree.clear();
    ownership.guard.remove(pid);
    if (!(await drained([...readers, ...outputs]))) events.onOutput("stderr", HELD);
    await Promise.all([...readers, ...outputs].map((reader) => reader.close()));
    events.onExit({ code, signal, wasKilled: tree.isKilled, ended });
  });
  return tree;
}

function treeOf(
  leader: ProcessIdentity,
  child: Leader["child"],
  { run, stopSignal = "SIGTERM" }: ProcessOptions,
  { ownership, events }: Following,
): ProcessTree {
  return createProcessTree({
    leader,
    run,
    stopSignal,
    table: ownership.table,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    onLeftovers: () => events.onLeftovers(),
    onStuck: (reason) => events.onStuck(reason),
  });
}

function readOutput(output: Leader["output"], events: ProgramEvents): LineReader[] {
  return (["stdout", "stderr"] as const).flatMap((name) => {
    const stream = output[name];
    const onLine = (printed: PrintedLine) => events.onOutput(name, printed);
    return stream ? [readPrintedLines(stream, { slices, onLine })] : [];
  });
}

const HELD = printedLineOf({
  line: "zcontext: not read any further: another process goes on printing after the end of the task",
});

/**
 * Waits until everything has been read that the process has written, and then for the end of its output. A descendant that
 * was not found may hold that open for ever: without the end, silence counts, or false is returned after a while.
 */
async function drained(readers: readonly LineReader[]): Promise<boolean> {
  await Promise.all(readers.map((reader) => reader.caughtUp()));
  const ended = Promise.all(readers.map((reader) => Promise.race([reader.done, reader.silent(SILENCE_MS)])));
  const over = new AbortController();
  const isHeld = pause(STRANGER_MS, false, { ref: false, signal: over.signal }).catch(() => false);
  return Promise.race([ended.then(() => true), isHeld]).finally(() => over.abort());
}

function failureOf(error: Error): SpawnFailure {
  return { reason: error.message, isTransient: isShortage(error) };
}
