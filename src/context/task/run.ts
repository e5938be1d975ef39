// One run of a task: prepares its code, waits for its place, launches it, and brings what comes back over pipe, forwarder
// and process table into one order.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Prepared } from "../../launch/preparation.ts";
import type { Exit, OutputStream, SpawnFailure } from "../../launch/process/running-program.ts";
import type { Surroundings } from "../../launch/surroundings.ts";
import type { RunEvents, TaskRun } from "../../launch/task-run.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { type ControlMessage, readMessage } from "../../protocol/message.ts";
import type { Assignment, Beat } from "../../protocol/pipe.ts";
import type { PrintedLine } from "../../protocol/printed-lines.ts";
import { isShortage } from "../../shortage.ts";
import { createAnnouncements } from "./announcements.ts";
import { beginStopping, type Stopping } from "./stopping.ts";
import type { TaskHost } from "./task-contract.ts";

/** One life of a task, from the preparation of its code to the end of its process. */
export interface Run {
  readonly incarnation: string;
  /** Why another run would be launched with something else now. */
  drift(): Promise<readonly string[]>;
  /** An announcement of this run came through the forwarder. */
  hear(sequence: number, message: ControlMessage): void;
  /** Ends it where there is no process yet; else its process is asked once the command has passed the forwarder. */
  askToStop(heard: Promise<void>): void;
  /** Resolves when what it had told before the call has been read. */
  caughtUp(): Promise<void>;
  /** Ends it with all it has started. */
  kill(): void;
  /** Ends its process at once, and the other threads in it. */
  destroy(): void;
}

/** What becomes of a run. It ends with exactly one `exit` or `spawnFailed`, and nothing follows that. */
export type RunEvent =
  /** What the operating system says about the process while it is there. */
  | { type: "spawned"; pid: number }
  | { type: "lingers" }
  | { type: "stuck"; reason: string }
  | { type: "beat"; beat: Beat }
  /** What the task says: each announcement once, in its order. */
  | { type: "said"; message: ControlMessage }
  /** It has come to its end, with a reason where it has failed; its process exits now. */
  | { type: "ending"; reason: string | undefined }
  | ({ type: "output"; stream: OutputStream } & PrintedLine)
  | { type: "noted"; phrase: string; reason: string }
  | { type: "malformed"; error: ZcontextError }
  | { type: "spawnFailed"; failure: SpawnFailure }
  | { type: "exit"; exit: Exit };

export interface RunOptions {
  /** Names this life of the task's publisher. */
  incarnation: string;
  task: TaskServiceConfig;
  assignment: Assignment;
  host: Pick<TaskHost, "prepare" | "acquireStart" | "launcher" | "caughtUp" | "programs">;
  /** Is told the surroundings of its processes once they are known. */
  onPrepared(surroundings: Surroundings): void;
  tell(event: RunEvent): void;
}

/** How long the forwarder may take to bring what the pipe has brought already, in milliseconds. */
const FORWARDER_CHANCE_MS = 1_000;

/** Announcements after which the task is told how far we are; well below what it may be ahead of us. */
const HEARD_EVERY = 32;

/** A process that was stopped before there was one. */
const NEVER_SPAWNED: Exit = { code: 0, signal: null, wasKilled: false, ended: [] };

/** Begins a run of a task. */
export function beginRun({ incarnation, task, assignment, host, onPrepared, tell }: RunOptions): Run {
  // Copies of its announcements come on a pipe, but for a program, which has no pipe.
  const hasPipe = task.command === undefined;
  let child: TaskRun | undefined;
  let isOver = false;
  let isAbandoned = false;
  /** What the task has told of its end, while announcements from before that still wait for the forwarder. */
  let ending: Extract<RunEvent, { type: "ending" }> | undefined;
  let chance: NodeJS.Timeout | undefined;
  let discard: Prepared["discard"];
  let drift: Prepared["drift"];
  let surroundings: Surroundings = { environment: {} };
  /** What brings about its end: a command of its own, or the stop signal. */
  let stopping: Stopping | undefined;
  const announcements = createAnnouncements<ControlMessage>(onSaid, { hasPipe });

  void begin();

  async function begin(): Promise<void> {
    try {
      const prepared = await host.prepare(task, { incarnation, assignment });
      ({ discard, drift } = prepared);
      if (isAbandoned) return discard?.();
      const { environment, account } = prepared;
      surroundings = { environment, account };
      onPrepared(surroundings);
      const release = await host.acquireStart();
      if (isAbandoned) return release();
      try {
        launch(prepared, release);
      } catch (error) {
        release();
        throw error;
      }
    } catch (error) {
      const isTransient = isShortage(error);
      const isOfCode = hasPipe && !isTransient && isFaultOfCode(error);
      end({ type: "spawnFailed", failure: { reason: explain(error), isTransient, isOfCode } });
    }
  }

  function end(event: RunEvent): void {
    if (isOver) return;
    isOver = true;
    stopping?.end();
    discard?.();
    tell(event);
  }

  function stop(): void {
    if (child === undefined || isOver) return;
    const { askToStop } = child;
    if (task.supervision.stopCommand === undefined) return askToStop();
    stopping ??= beginStopping({
      limitMs: task.supervision.stopCommandMs ?? task.supervision.graceMs / 2,
      command: (cut) => host.programs.stopCommand(task, surroundings, cut),
      onFault: (reason) => tell({ type: "noted", phrase: "stop command failed", reason }),
      askToStop,
    });
  }

  // While the code is still being prepared there is nothing to end: what comes of it is not run any more.
  function abandon(): void {
    if (child !== undefined) return;
    isAbandoned = true;
    queueMicrotask(() => end({ type: "exit", exit: NEVER_SPAWNED }));
  }

  // Its place is free for the next one as soon as it can be seen to have started, or not to.
  function launch(prepared: Prepared, release: () => void): void {
    child = host.launcher.launch(
      incarnation,
      { task, assignment, ...prepared },
      {
        onSpawned(pid) {
          if (!hasPipe) release();
          tell({ type: "spawned", pid });
        },
        onSpawnFailed(failure) {
          release();
          end({ type: "spawnFailed", failure });
        },
        onAnnounced(announcement) {
          release();
          onAnnounced(announcement);
        },
        onEnding(reason) {
          ending = { type: "ending", reason };
          if (!announcements.isWaiting) letGo();
        },
        onBeat(beat) {
          if (!isOver) tell({ type: "beat", beat });
        },
        onGarbage: (error) => tell({ type: "malformed", error }),
        onOutput: (stream, printed) => tell({ type: "output", stream, ...printed }),
        onLeftovers: () => tell({ type: "lingers" }),
        onStuck: (reason) => tell({ type: "stuck", reason }),
        onExit(exit) {
          release();
          void onExit(exit);
        },
      },
    );
  }

  function onSaid(message: ControlMessage, sequence: number): void {
    tell({ type: "said", message });
    if (sequence % HEARD_EVERY === 0) child?.heard(sequence);
    if (!announcements.isWaiting) letGo();
  }

  function onAnnounced({ sequence, message }: Parameters<RunEvents["onAnnounced"]>[0]): void {
    const said = readCopy(message, (error) => tell({ type: "malformed", error }));
    if (said === undefined) return;
    if (announcements.piped(sequence, said)) chance ??= setTimeout(settle, FORWARDER_CHANCE_MS);
  }

  /** Nothing that it has announced is under way any more. */
  function letGo(): void {
    if (ending === undefined) return;
    tell(ending);
    ending = undefined;
    child?.bye();
  }

  function settle(): void {
    clearTimeout(chance);
    chance = undefined;
    announcements.settle();
  }

  // What a program without a pipe said last may still be on its way.
  async function onExit(exit: Exit): Promise<void> {
    if (!hasPipe) await host.caughtUp();
    try {
      settle();
    } finally {
      end({ type: "exit", exit });
    }
  }

  return {
    incarnation,
    drift: async () => (await drift?.()) ?? [],
    hear: announcements.heard,
    caughtUp: async () => child?.caughtUp(),
    askToStop(heard) {
      abandon();
      heard.then(stop);
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

function readCopy(body: JsonObject, onMalformed: (error: ZcontextError) => void): ControlMessage | undefined {
  try {
    const message = readMessage({ topic: "control", body });
    return message.kind === "control" ? message : undefined;
  } catch (error) {
    if (!(error instanceof ZcontextError)) throw error;
    onMalformed(error);
    return undefined;
  }
}

/** Whether code is missing or wrong, rather than that the compiler could not do its work. */
function isFaultOfCode(error: unknown): boolean {
  if (!(error instanceof ZcontextError)) return false;
  const { code, details } = error;
  if (code === "ERR_SERVICE_INVALID") return details.length > 0;
  return code === "ERR_SERVICE_NOT_FOUND" || code === "ERR_LOCATION_FORBIDDEN";
}

function explain(error: unknown): string {
  if (!(error instanceof ZcontextError)) return reasonOf(error);
  return [error.message, ...error.details, ...(error.hint === undefined ? [] : [error.hint])].join("; ");
}
