import { type ContextError, reasonOf } from "../errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import { type ControlMessage, readMessage } from "../protocol/message.ts";
import { createAnnouncements } from "./announcements.ts";
import type { Exit, OutputStream } from "./child.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import type { RunEvents, TaskRun } from "./task-process.ts";

/** One life of a task, from the preparation of its code to the end of its process. */
export interface Run {
  readonly incarnation: string;
  /** An announcement of this run came on the bus. */
  hear(sequence: number, message: ControlMessage): void;
  /** Ends it where there is no process yet; else its process is asked once the command has been heard on the bus. */
  askToStop(heard: Promise<void>): void;
  terminate(): void;
  kill(): void;
  /** Ends its process at once, whoever shares it. */
  destroy(): void;
}

export interface RunOptions {
  /** Names this life of the task's publisher. */
  incarnation: string;
  /** Answers the path of the module to load, or of the program to run; rejects when there is none. */
  prepare(): Promise<string>;
  launch(path: string, events: RunEvents): TaskRun;
  /** Copies of its announcements come on a pipe. */
  hasPipe: boolean;
  /** Resolves when the bus has brought what was said before, or has had its chance. */
  caughtUp(): Promise<void>;
  /** What the operating system says about the process. */
  onEvent(event: LifecycleEvent): void;
  /** What the task says: each announcement once, in its order. */
  onSaid(message: ControlMessage): void;
  onOutput(stream: OutputStream, line: string): void;
  onGarbage(error: ContextError): void;
}

/** How long the bus may take to bring what the pipe has brought already, in milliseconds. */
const BUS_CHANCE_MS = 1_000;

/** Announcements after which the task is told how far we are; well below what it may be ahead of us. */
const HEARD_EVERY = 32;

/** Begins a run. Ends with exactly one `exit` or `spawnFailed`, and nothing after it. */
export function beginRun(options: RunOptions): Run {
  const { incarnation, hasPipe } = options;
  let child: TaskRun | undefined;
  let isOver = false;
  let last = Number.POSITIVE_INFINITY;
  let busChance: NodeJS.Timeout | undefined;
  const announcements = createAnnouncements<ControlMessage>(onSaid, { hasPipe });

  options.prepare().then(spawn, (error: unknown) => end({ type: "spawnFailed", reason: explain(error) }));

  function spawn(path: string): void {
    if (isOver) return;
    try {
      child = launch(path);
    } catch (error) {
      end({ type: "spawnFailed", reason: reasonOf(error) });
    }
  }

  function end(event: LifecycleEvent): void {
    if (isOver) return;
    isOver = true;
    options.onEvent(event);
  }

  // While the code is still being prepared there is nothing to end: what comes of it is not run any more.
  function abandon(): void {
    if (child === undefined)
      queueMicrotask(() => end({ type: "exit", clean: true, reason: "stopped before it was spawned" }));
  }

  function launch(path: string): TaskRun {
    return options.launch(path, {
      onSpawned: (pid) => options.onEvent({ type: "spawned", pid }),
      onSpawnFailed: (reason) => end({ type: "spawnFailed", reason }),
      onAnnounced,
      onGarbage: options.onGarbage,
      onOutput: options.onOutput,
      onExit,
    });
  }

  function onSaid(message: ControlMessage, sequence: number): void {
    options.onSaid(message);
    if (sequence >= last) child?.bye();
    else if (sequence % HEARD_EVERY === 0) child?.heard(sequence);
  }

  function onAnnounced({
    sequence,
    message,
    isLast,
  }: {
    sequence: number;
    message: JsonObject;
    isLast: boolean;
  }): void {
    const said = readCopy(message, options.onGarbage);
    if (said === undefined) return;
    if (isLast) last = sequence;
    if (announcements.piped(sequence, said)) {
      busChance ??= setTimeout(settle, BUS_CHANCE_MS);
    } else if (isLast) child?.bye();
  }

  function settle(): void {
    clearTimeout(busChance);
    busChance = undefined;
    announcements.settle();
  }

  // What a program without a pipe said last may still be on its way.
  async function onExit(exit: Exit): Promise<void> {
    if (!hasPipe) await options.caughtUp();
    try {
      settle();
    } finally {
      end({ type: "exit", clean: exit.code === 0, reason: describeExit(exit) });
    }
  }

  return {
    incarnation,
    hear: announcements.heard,
    askToStop(heard) {
      abandon();
      heard.then(() => child?.askToStop());
    },
    terminate: () => child?.terminate(),
    kill: () => child?.kill(),
    destroy: () => child?.destroy(),
  };
}

function readCopy(body: JsonObject, onGarbage: (error: ContextError) => void): ControlMessage | undefined {
  try {
    const message = readMessage({ topic: "control", body });
    return message.kind === "control" ? message : undefined;
  } catch (error) {
    onGarbage(error as ContextError);
    return undefined;
  }
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`;
}

function explain(error: unknown): string {
  const { details = [], hint } = error as Partial<ContextError>;
  return [reasonOf(error), ...details, ...(hint === undefined ? [] : [hint])].join("; ");
}
