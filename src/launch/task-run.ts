// What a run of a task is to the provider, the same for a process, a thread and a program.
import type { ZcontextError } from "../errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Beat, FromTask } from "../protocol/pipe.ts";
import { printedLineOf } from "../protocol/printed-lines.ts";
import type { Exit, ProgramEvents } from "./process/running-program.ts";

/** One run of a task. Every method may be called after the run has ended. */
export interface TaskRun {
  /** Asks the task to stop, over its pipe and with the stop signal. */
  askToStop(): void;
  /** All that it has announced has been heard: it may exit. */
  bye(): void;
  /** Acknowledges its announcements up to this one. */
  heard(sequence: number): void;
  /** Resolves when what it had told before the call has been read. */
  caughtUp(): Promise<void>;
  /** Ends it and its descendants. */
  kill(): void;
  /** Ends the process at once; where threads share it, all of them. */
  destroy(): void;
}

export interface RunEvents extends Omit<ProgramEvents, "onExit"> {
  onAnnounced(announcement: { sequence: number; message: JsonObject }): void;
  /** The task has come to its end, with a reason where it has failed; its process exits once it was told `bye`. */
  onEnding(reason: string | undefined): void;
  /** A heartbeat: its event loop is not blocked. */
  onBeat(beat: Beat): void;
  onGarbage(error: ZcontextError): void;
  onExit(exit: Exit): void;
}

/** Calls the event of a run that a message on the pipe stands for. */
export function dispatchFromTask(message: FromTask, events: RunEvents): void {
  if (message.type === "announce") events.onAnnounced(message);
  if (message.type === "ending") events.onEnding(message.reason);
  if (message.type === "beat") events.onBeat(message);
  if (message.type === "output") events.onOutput(message.stream, printedLineOf(message));
}
