import { reasonOf, type ZcontextError } from "../../errors.ts";
import type { Exit, OutputStream, SpawnFailure } from "../../launch/child.ts";
import type { RunEvents, TaskRun } from "../../launch/task-run.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { type ControlMessage, readMessage } from "../../protocol/message.ts";
import type { Beat } from "../../protocol/pipe.ts";
import { isShortage } from "../../shortage.ts";
import { createAnnouncements } from "./announcements.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import type { Enter } from "./start-limit.ts";

/** One life of a task, from the preparation of its code to the end of its process. */
export interface Run {
  readonly incarnation: string;
  /** An announcement of this run came on the bus. */
  hear(sequence: number, message: ControlMessage): void;
  /** Ends it where there is no process yet; else its process is asked once the command has been heard on the bus. */
  askToStop(heard: Promise<void>): void;
  /** Ends it with all it has started. */
  kill(): void;
  /** Ends its process at once, whoever shares it. */
  destroy(): void;
}

export interface RunOptions {
  /** Names this life of the task's publisher. */
  incarnation: string;
  /** Gets together what it is launched with; rejects when something is missing. */
  prepare(): Promise<Prepared>;
  /** Waits for a place among those that start at the same time. */
  enter: Enter;
  launch(prepared: Prepared, events: RunEvents): TaskRun;
  /** Copies of its announcements come on a pipe. */
  hasPipe: boolean;
  /** Resolves when the bus has brought what was said before, or has had its chance. */
  caughtUp(): Promise<void>;
  /** What the operating system says about the process while it is there. */
  onEvent(event: LifecycleEvent): void;
  onBeat(beat: Beat): void;
  /** What the task says: each announcement once, in its order. */
  onSaid(message: ControlMessage): void;
  onOutput(stream: OutputStream, line: string): void;
  onGarbage(error: ZcontextError): void;
  /** How it ends: the one or the other, once, and nothing after it. */
  onSpawnFailed(failure: SpawnFailure): void;
  onExit(exit: Exit): void;
}

/** What a run is launched with. */
export interface Prepared {
  /** Of the module to load, or of the program to run. */
  path: string;
  environment: Readonly<Record<string, string>>;
}

/** How long the bus may take to bring what the pipe has brought already, in milliseconds. */
const BUS_CHANCE_MS = 1_000;

/** Announcements after which the task is told how far we are; well below what it may be ahead of us. */
const HEARD_EVERY = 32;

/** A process that was stopped before there was one. */
const NEVER_SPAWNED: Exit = { code: 0, signal: null, wasKilled: false, ended: [] };

/** Begins a run. It ends with exactly one `onExit` or `onSpawnFailed`. */
export function beginRun(options: RunOptions): Run {
  const { incarnation, hasPipe } = options;
  let child: TaskRun | undefined;
  let isOver = false;
  let isAbandoned = false;
  let last = Number.POSITIVE_INFINITY;
  let busChance: NodeJS.Timeout | undefined;
  const announcements = createAnnouncements<ControlMessage>(onSaid, { hasPipe });

  void begin();

  async function begin(): Promise<void> {
    try {
      const prepared = await options.prepare();
      if (isAbandoned) return;
      const leave = await options.enter();
      if (isAbandoned) return leave();
      try {
        launch(prepared, leave);
      } catch (error) {
        leave();
        throw error;
      }
    } catch (error) {
      endBySpawnFailure({ reason: explain(error), isTransient: isShortage(error) });
    }
  }

  function end(tell: () => void): void {
    if (isOver) return;
    isOver = true;
    tell();
  }

  function endBySpawnFailure(failure: SpawnFailure): void {
    end(() => options.onSpawnFailed(failure));
  }

  // While the code is still being prepared there is nothing to end: what comes of it is not run any more.
  function abandon(): void {
    if (child !== undefined) return;
    isAbandoned = true;
    queueMicrotask(() => end(() => options.onExit(NEVER_SPAWNED)));
  }

  // Its place is free for the next one as soon as it can be seen to have started, or not to.
  function launch(prepared: Prepared, leave: () => void): void {
    child = options.launch(prepared, {
      onSpawned(pid) {
        if (!hasPipe) leave();
        options.onEvent({ type: "spawned", pid });
      },
      onSpawnFailed(failure) {
        leave();
        endBySpawnFailure(failure);
      },
      onAnnounced(announcement) {
        leave();
        onAnnounced(announcement);
      },
      onBeat(beat) {
        if (!isOver) options.onBeat(beat);
      },
      onGarbage: options.onGarbage,
      onOutput: options.onOutput,
      onLingers: () => options.onEvent({ type: "lingers" }),
      onStuck: (reason) => options.onEvent({ type: "stuck", reason }),
      onExit(exit) {
        leave();
        void onExit(exit);
      },
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
      end(() => options.onExit(exit));
    }
  }

  return {
    incarnation,
    hear: announcements.heard,
    askToStop(heard) {
      abandon();
      heard.then(() => child?.askToStop());
    },
    kill() {
      abandon();
      child?.kill();
    },
    destroy() {
      abandon();
      child?.destroy();
    },
  };
}

function readCopy(body: JsonObject, onGarbage: (error: ZcontextError) => void): ControlMessage | undefined {
  try {
    const message = readMessage({ topic: "control", body });
    return message.kind === "control" ? message : undefined;
  } catch (error) {
    onGarbage(error as ZcontextError);
    return undefined;
  }
}

function explain(error: unknown): string {
  const { details = [], hint } = error as Partial<ZcontextError>;
  return [reasonOf(error), ...details, ...(hint === undefined ? [] : [hint])].join("; ");
}
