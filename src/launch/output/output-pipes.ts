// Makes the pipes that a process has as its output, or as its input. Node would make sockets, which no process can open by
// a name such as /dev/stdout; named pipes are like those of a shell. They are made many at a time, since that takes a process, and have no
// name any more when they are used: whatever ends the provider, none is left.
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { reasonOf } from "../../errors.ts";
import { isShortage } from "../../shortage.ts";

/** A pipe for the output of one process. */
export interface OutputPipe {
  /** What is written to it. */
  stream: Readable;
  /** The other end, to be handed to the process and then closed. */
  writeEnd: number;
}

/** A pipe for the input of one process, to which nothing is ever written. */
export interface InputPipe {
  /** To be handed to the process and then closed. */
  readEnd: number;
  /** The input ends when this is closed. */
  writeEnd: number;
}

export interface OutputPipes extends Disposable {
  /**
   * A new pipe; undefined where the system can't make any.
   *
   * @throws the system's error when it is short of a resource.
   */
  open(): OutputPipe | undefined;
  /** The same for an input. */
  openInput(): InputPipe | undefined;
}

export interface OutputPipesOptions {
  /** Of the system program, absolute; undefined where there is none. */
  mkfifo: string | undefined;
  /** How many will soon be needed. */
  expected: number;
  /** Called once when there are no pipes, with a clause that says why. */
  onMissing(reason: string): void;
}

/** How many are made at a time, once those have been used that were expected. */
const BATCH = 32;
/** How many are made at most, whatever is expected: each is an open file. */
const MAX_BATCH = 128;
/** How long it may take to make them, in milliseconds. */
const LIMIT_MS = 10_000;

export function createOutputPipes({ mkfifo, expected, onMissing }: OutputPipesOptions): OutputPipes {
  let spare: number[] = [];
  let batch = Math.min(Math.max(expected, 2), MAX_BATCH);
  let isMissing = false;

  function openOne<Ends>(openEnds: (pipe: number) => Ends): Ends {
    if (mkfifo === undefined) throw new Error("there is no mkfifo (coreutils)");
    if (spare.length === 0) {
      spare = makePipes(mkfifo, batch);
      batch = BATCH;
    }
    const pipe = spare.at(-1) as number;
    const ends = openEnds(pipe);
    spare.pop();
    closeSync(pipe);
    return ends;
  }

  function tryToOpen<Ends>(openEnds: (pipe: number) => Ends): Ends | undefined {
    if (isMissing) return undefined;
    try {
      return openOne(openEnds);
    } catch (error) {
      if (isShortage(error)) throw error;
      isMissing = true;
      onMissing(reasonOf(error));
      return undefined;
    }
  }

  return {
    open: () => tryToOpen(openOutput),
    openInput: () => tryToOpen(openInput),
    [Symbol.dispose]() {
      for (const pipe of spare) closeSync(pipe);
      spare = [];
    },
  };
}

/** Named pipes without a name any more, each opened for both directions. */
function makePipes(mkfifo: string, count: number): number[] {
  const folder = mkdtempSync(join(tmpdir(), "zcontext-"));
  const pipes: number[] = [];
  try {
    const paths = Array.from({ length: count }, (_, index) => join(folder, String(index)));
    // A task that runs as another user may open its output again, such as /dev/stdout. No other process can: the folder is
    // ours alone, and is gone at once.
    execFileSync(mkfifo, ["-m", "622", ...paths], { timeout: LIMIT_MS, stdio: "ignore" });
    for (const path of paths) pipes.push(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    return pipes;
  } catch (error) {
    for (const pipe of pipes) closeSync(pipe);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Each end is opened for one direction only: the reader sees the end of the output when all writers have closed theirs.
function openOutput(pipe: number): OutputPipe {
  const path = `/proc/self/fd/${pipe}`;
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeEnd = openSync(path, constants.O_WRONLY);
    return { stream: new Socket({ fd: readEnd, readable: true, writable: false }), writeEnd };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  }
}

// A process expects an input that it can wait for.
function openInput(pipe: number): InputPipe {
  const path = `/proc/self/fd/${pipe}`;
  const readEnd = openSync(path, constants.O_RDONLY);
  try {
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  }
}
