// Starts the programs and task processes of a provider. A task process has a pipe for the messages between it and its
// provider, beside the output that any program has.
import { createRequire } from "node:module";
import type { Duplex, Readable } from "node:stream";
import type { ZcontextError } from "../../errors.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readFromTask, writePipe } from "../../protocol/pipe.ts";
import { type LineReader, readLines } from "../output/line-reader.ts";
import { follow, slices } from "./follow.ts";
import { spawnLeader, stdioOf } from "./leader.ts";
import type { ProcessOwnership } from "./process-ownership.ts";
import type { Child, ChildEvents, ProcessOptions, Program, ProgramEvents, RunningProgram } from "./running-program.ts";

const ENTRY = "#task";

/** Starts any program. */
export function startProgram(program: Program, ownership: ProcessOwnership, events: ProgramEvents): RunningProgram {
  const leader = spawnLeader([program.path, ...program.words], program, ownership, []);
  return follow(leader, program, { ownership, events });
}

/** Starts a task process; `label` shows in the process table. */
export function startChild(
  label: readonly string[],
  options: ProcessOptions,
  ownership: ProcessOwnership,
  events: ChildEvents,
): Child {
  const entry = createRequire(import.meta.url).resolve(ENTRY);
  const command = [process.execPath, "--enable-source-maps", entry, ...label];
  // A pipe of our own rather than fork()'s channel: it starts faster, and each side sees the other's end by its closing.
  const leader = spawnLeader(command, options, ownership, ["pipe"]);
  const pipe = stdioOf(leader.child)[3] as Duplex | undefined;
  if (pipe === undefined)
    return { ...follow(leader, options, { ownership, events }), send() {}, hangUp() {}, caughtUp: async () => {} };

  const messages = readMessages(pipe, events);
  const running = follow(leader, options, { ownership, events, readers: [messages] });
  pipe.on("error", () => {}); // the process is gone: `exit` follows

  return {
    ...running,
    send(message) {
      if (pipe.writable) pipe.write(writePipe(message));
    },
    hangUp: () => pipe.end(),
    caughtUp: messages.caughtUp,
  };
}

function readMessages(pipe: Readable, events: ChildEvents): LineReader {
  function onLine(line: string): void {
    let message: FromTask;
    try {
      message = readFromTask(line);
    } catch (error) {
      events.onGarbage(error as ZcontextError);
      return;
    }
    events.onMessage(message);
  }
  return readLines(pipe, { maxLength: MAX_PIPE_LINE_LENGTH, slices, onLine });
}
