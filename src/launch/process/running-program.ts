// What a provider starts programs and task processes with, what may happen to one, and what can be asked of it.
import type { StdinKind } from "../../config/model.ts";
import type { ZcontextError } from "../../errors.ts";
import type { SignalledProcess } from "../../processes/signaller.ts";
import type { FromTask, ToTask } from "../../protocol/pipe.ts";
import type { PrintedLine } from "../../protocol/printed-lines.ts";
import type { Limits } from "./process-ownership.ts";

/** How a process ended: with an exit code, or by a signal. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** We had asked for SIGKILL. */
  wasKilled: boolean;
  /** Its descendants that had to be signalled. */
  ended: readonly SignalledProcess[];
}

export type OutputStream = "stdout" | "stderr";

/** What can happen to any program that we start. */
export interface ProgramEvents {
  onSpawned(pid: number): void;
  /** There is no process, and no further event. */
  onSpawnFailed(failure: SpawnFailure): void;
  onOutput(stream: OutputStream, printed: PrintedLine): void;
  /** The process has exited and descendants of it have not; they are being ended. */
  onLeftovers(): void;
  /** A process can't be ended; `onExit` follows if it ends after all. */
  onStuck(reason: string): void;
  /** The process and its descendants are gone, and all output has been delivered. The last event. */
  onExit(exit: Exit): void;
}

export interface SpawnFailure {
  reason: string;
  /** The system is short of a resource; another attempt may succeed. */
  isTransient: boolean;
  /** The code can't be run, and another attempt does not help until it has changed. */
  isOfCode?: boolean;
}

export interface ChildEvents extends ProgramEvents {
  onMessage(message: FromTask): void;
  /** A line on the pipe that could not be read; it is dropped. */
  onGarbage(error: ZcontextError): void;
}

/** A program that was started. */
export interface RunningProgram {
  /** Signals the process and its group. */
  signal(signal: NodeJS.Signals): void;
  /** Ends the process and all its descendants at once. */
  kill(): void;
}

/** A task process that was started. */
export interface Child extends RunningProgram {
  /** Sends over the pipe; lost when the process is gone. */
  send(message: ToTask): void;
  /** Closes our end of the pipe: nothing more will be sent. */
  hangUp(): void;
  /** Resolves when the messages that it had sent before the call have been read. */
  caughtUp(): Promise<void>;
}

/** What any process is started with. */
export interface ProcessOptions {
  /** The run it belongs to; stands in the cookie. */
  run: string;
  /** Variables in addition to the provider's own. */
  environment: Readonly<Record<string, string>>;
  /** The working folder; by default the provider's. */
  folder?: string | undefined;
  limits?: Limits;
  /** By default empty. */
  stdin?: StdinKind | undefined;
  /** Sent to descendants that outlive it. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

export interface Program extends ProcessOptions {
  /** Of the file to run, absolute. */
  path: string;
  words: readonly string[];
}
