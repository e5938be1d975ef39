// What every run of a task looks like, whatever it lives in.
import type { ZcontextError } from "../errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Beat, FromTask } from "../protocol/pipe.ts";
import type { Exit, ProgramEvents } from "./child.ts";

/** One run of a task, seen from the provider. Everything is safe to call after it has ended. */
export interface TaskRun {
  /** By its own means and by the stop signal. */
  askToStop(): void;
  /** Its last announcement was heard. */
  bye(): void;
  /** Its announcements up to this one have been acted on. */
  heard(sequence: number): void;
  /** Ends it with all it has started. */
  kill(): void;
  /** Ends the process at once, and the other threads with it if it is shared. */
  destroy(): void;
}

export interface RunEvents extends Omit<ProgramEvents, "onExit"> {
  onAnnounced(announcement: { sequence: number; message: JsonObject; isLast: boolean }): void;
  /** Its event loop goes round. */
  onBeat(beat: Beat): void;
  onGarbage(error: ZcontextError): void;
  onExit(exit: Exit): void;
}

/** Tells a run what its process says on the pipe. */
export function handOn(message: FromTask, events: RunEvents): void {
  if (message.type === "announce") events.onAnnounced(message);
  if (message.type === "beat") events.onBeat(message);
  if (message.type === "output") events.onOutput(message.stream, message.line);
}
