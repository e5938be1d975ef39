// The contract of a supervised task: what it needs from its provider, what it is told, and what it tells.
import type { Strategy, TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import type { ZcontextError } from "../../errors.ts";
import type { Launcher } from "../../launch/launcher.ts";
import type { Prepare } from "../../launch/preparation.ts";
import type { RunningProbe } from "../../launch/probe.ts";
import type { Exit, OutputStream } from "../../launch/process/running-program.ts";
import type { Surroundings } from "../../launch/surroundings.ts";
import type { Liveness } from "../../liveness.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import type { ControlMessage, Message } from "../../protocol/message.ts";
import type { Beat } from "../../protocol/pipe.ts";
import type { PrintedLine } from "../../protocol/printed-lines.ts";
import type { StreamFigures } from "../../protocol/stream-figures.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import type { TaskState } from "../../protocol/task-state.ts";
import type { LifecycleEvent, Missing } from "./life.ts";
import type { Standing } from "./lifecycle.ts";
import type { RestartMemory } from "./restart.ts";
import type { AcquireStart } from "./start-limit.ts";

/** What a task needs from its provider. One object for all tasks, passed on as it is. */
export interface TaskHost {
  /** The file's, or the one that the first start has brought. */
  contextId(): string;
  readonly endpoints: Endpoints;
  readonly launcher: Launcher;
  /** Waits until one more task may start. */
  readonly acquireStart: AcquireStart;
  readonly liveness: Liveness;
  /** Gets together what a run is launched with; rejects when something is missing. */
  readonly prepare: Prepare;
  /** Resolves when the code of a task that could not be run has changed; rejects when it is aborted. */
  codeChanged(task: TaskServiceConfig, signal: AbortSignal): Promise<void>;
  readonly programs: TaskPrograms;
  /** Monotonic, and the same for every provider since the machine was booted. */
  nowMs(): number;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
  /** Publishes, and resolves when every subscriber could hear it, or the forwarder has had its chance. */
  publishThrough(message: Message): Promise<void>;
  /** Resolves when the forwarder has brought what was published before, or has had its chance. */
  caughtUp(): Promise<void>;
}

/** What runs beside a task on its behalf; it ends nothing itself. */
export interface TaskPrograms {
  /** Begins to ask whether a task is ready. */
  probe(task: TaskServiceConfig, surroundings: Surroundings, onReady: () => void): RunningProbe;
  /** Begins to ask whether a task that runs is still alive. */
  liveness(
    task: TaskServiceConfig,
    surroundings: Surroundings,
    onDead: (reason: string) => void,
  ): Pick<RunningProbe, "stop">;
  /** Runs the command that stops a task to its end, or until it is aborted; answers what went wrong, in a clause. */
  stopCommand(task: TaskServiceConfig, surroundings: Surroundings, cut: AbortSignal): Promise<string | undefined>;
}

/** What a task tells its transaction. */
export type TaskEvent =
  /** A run has begun; its announcements carry this incarnation. */
  | { type: "runBegan"; incarnation: string }
  /** One of its triggers has fired, by this run. */
  | { type: "fired"; event: TriggerEvent; run: number }
  /** Its triggers start it too often from now on. */
  | { type: "throttled" }
  /** It ended by itself and is to run again after this pause. */
  | { type: "restartPlanned"; delayMs: number }
  /** A restart that its policy or a trigger wants does not follow. */
  | { type: "restartRefused"; reason: string }
  /** A start by hand has emptied the memory of this many ends. */
  | { type: "restartsForgiven"; ends: number }
  /** Its state, or what its record shows, may have changed. */
  | { type: "changed"; change: Change }
  | ({ type: "output"; stream: OutputStream } & PrintedLine)
  /** Something that people want to know of, and that changes nothing. */
  | { type: "noted"; phrase: string; reason: string }
  /** A line on its pipe that could not be read. */
  | { type: "malformed"; error: ZcontextError }
  /** An effect could not be performed; supervision goes on. */
  | { type: "effectFailed"; effect: string; error: unknown };

/** What one task is told. `define` makes it known and starts nothing; `resume` starts it as if it had never ended. */
export interface Order {
  task: TaskServiceConfig;
  action: "define" | "start" | "stop" | "restart" | "resume";
  /** Default: a command. */
  cause?: Cause;
}

/** What has caused an order to a task. */
export type Cause =
  | { kind: "command" }
  | { kind: "resume" }
  | { kind: "code" }
  | { kind: "schedule" }
  /** Another model of the context holds from now on. */
  | { kind: "reload"; generation: number }
  | { kind: "trigger"; event: TriggerEvent; task: string }
  | { kind: "strategy"; strategy: Strategy; task: string };

export const COMMAND: Cause = { kind: "command" };

/** `command`, `on_fail of ts001`, `one_for_all with ts001`. */
export function describeCause(cause: Cause): string {
  switch (cause.kind) {
    case "command":
      return "command";
    case "resume":
      return "the provider has come back";
    case "code":
      return "its code has changed";
    case "schedule":
      return "its schedule";
    case "reload":
      return `reload, generation ${cause.generation}`;
    case "trigger":
      return `${cause.event} of ${cause.task}`;
    case "strategy":
      return `${cause.strategy} with ${cause.task}`;
  }
}

/** What an event has made of a task: often nothing that shows. */
export interface Change {
  from: TaskState;
  /** `replaced`: another run has taken its place, which was ready before it ends. */
  event: LifecycleEvent["type"] | "replaced";
  cause?: Cause;
  /** What the event itself gives as its reason, one part each. */
  reasons: readonly string[];
}

/** One task service of one transaction, as the rest of the provider sees it. */
export interface SupervisedTask {
  readonly task: TaskServiceConfig;
  readonly standing: Standing;
  /** Its entry in `context_info`. */
  readonly record: TaskRecord;
  /** The ends that count for its restart intensity. */
  readonly memory: RestartMemory;
  /** Its code can't be run; it is started when that changes. */
  readonly awaitsCode: boolean;
  /** How its last run ended. */
  readonly lastExit: Exit | undefined;
  /** What the event loop of its present run has said last; a program says nothing. */
  readonly beat: Beat | undefined;
  /** What its present run has counted of the queues that it sends to and consumes. */
  readonly streams: readonly StreamFigures[];
  /** Why another run would be launched with something else than the present one: its code, its env files. */
  drift(): Promise<readonly string[]>;
  /** Another definition holds from now on; its process goes on as it is. */
  redefine(task: TaskServiceConfig): void;
  /** An order from outside; with it comes the definition that holds from now on. */
  obey(order: Order): void;
  /** An order of a trigger, which may be held back. With `ownRun`, it is the task's own trigger, fired by that run. */
  trigger(action: "start" | "restart", by: { cause: Cause; ownRun?: number }): void;
  stop(cause: Cause): void;
  /** It is restarted together with another task, after this pause. */
  restartWith(delayMs: number, cause: Cause): void;
  /** It is to stop as soon as the tasks that depend on it are gone. */
  stopSoon(cause: Cause): void;
  /** Which of the tasks it depends on are not ready. */
  waitFor(missing: readonly Missing[]): void;
  /** What the monitor has found about its processes. */
  inspect(processes: ProcessesFound): void;
  /** An announcement heard under an incarnation of this task; false when it is not the present one. It need not be numbered. */
  hear(incarnation: string, sequence: number | undefined, message: ControlMessage): boolean;
  /** What a program that is this task has told the provider alone: it has come to its end. */
  hearEnding(incarnation: string, message: ControlMessage): void;
  /** What a task has counted of its queues. */
  hearStreams(incarnation: string, message: ControlMessage): void;
  /** An announcement about this task from a peer that has no incarnation of ours. */
  note(message: ControlMessage): void;
  /** Ends its process at once, and the other threads with it if it is shared. */
  kill(): void;
}

/** What can be seen of the processes of a task from outside. */
export interface ProcessesFound {
  /**
   * What they take of memory, in MiB, and how that was found: as `pss`, which counts shared memory once, as `rss`, or as a
   * sum of both. Absent when it is not known well enough.
   */
  memory?: { mib: number; figure: "pss" | "rss" | "mixed" };
  /** Whether the one that leads them is halted by a signal. */
  isHalted: boolean;
}
