// What stands around a supervised task: what it works with and whom it tells, and what others see of it.
import type { TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import type { ZcontextError } from "../../errors.ts";
import type { Exit, OutputStream } from "../../launch/child.ts";
import type { Launcher } from "../../launch/launcher.ts";
import type { RunningProbe } from "../../launch/probe.ts";
import type { Liveness } from "../../liveness.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import type { ControlMessage, Message } from "../../protocol/message.ts";
import type { Beat } from "../../protocol/pipe.ts";
import type { TaskState } from "../../protocol/task-state.ts";
import type { LifecycleEvent, Standing } from "./lifecycle.ts";
import type { TaskRecord } from "./record.ts";
import type { RestartMemory } from "./restart.ts";
import type { Prepared } from "./run.ts";
import type { Enter } from "./start-limit.ts";

/** What a supervised task works with and whom it tells. */
export interface Surroundings {
  transaction: string;
  contextId: string;
  endpoints: Endpoints;
  launcher: Launcher;
  /** Waits for a place among those that start at the same time. */
  enter: Enter;
  liveness: Liveness;
  /** Gets together what a run is launched with; rejects when something is missing. */
  prepare(task: TaskServiceConfig): Promise<Prepared>;
  /** Begins to ask whether a task is ready. */
  probe: ProbeStarter;
  /** Monotonic, and the same for every provider since the machine was booted. */
  nowMs(): number;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
  /** Publishes, and resolves when everybody could hear it, or the bus has had its chance. */
  publishThrough(message: Message): Promise<void>;
  /** Resolves when the bus has brought what was said before, or has had its chance. */
  caughtUp(): Promise<void>;
  /** A run has begun; its announcements carry this incarnation. */
  onRun(incarnation: string): void;
  onFired(event: TriggerEvent, run: number): void;
  /** Its triggers start it too often from now on. */
  onSlowed(): void;
  /** It ended by itself and is to run again after this pause, in milliseconds. */
  onComeback(delayMs: number): void;
  /** A restart that its policy or a trigger wants does not follow. */
  onRefused(reason: string): void;
  /** A start by hand has emptied the memory of this many ends. */
  onForgiven(ends: number): void;
  /** Its state, or what `context_info` shows of it, may have changed. */
  onChanged(change: Change): void;
  onOutput(stream: OutputStream, line: string): void;
  onGarbage(error: ZcontextError): void;
  /** An effect could not be performed; supervision goes on. */
  onIncident(effect: string, error: unknown): void;
}

/** What one task is told. `define` makes it known and starts nothing; `resume` starts it as if it had never ended. */
export interface Order {
  task: TaskServiceConfig;
  action: "define" | "start" | "stop" | "restart" | "resume";
}

/** What an event has made of a task: often nothing that shows. */
export interface Change {
  from: Standing["state"];
  event: LifecycleEvent["type"];
  /** Why, where there is more to say than the event does. */
  cause?: string;
}

/** Begins to ask whether a task is ready. */
export type ProbeStarter = (
  task: TaskServiceConfig,
  environment: Readonly<Record<string, string>>,
  onReady: () => void,
) => RunningProbe;

export interface SupervisedTask {
  readonly task: TaskServiceConfig;
  readonly standing: Standing;
  /** Its entry in `context_info`. */
  readonly record: TaskRecord;
  /** The ends that count for its restart intensity. */
  readonly memory: RestartMemory;
  /** How its last run ended. */
  readonly lastExit: Exit | undefined;
  /** What the event loop of its present run has said last; a program says nothing. */
  readonly beat: Beat | undefined;
  /** An order of somebody outside; with it comes the definition that holds from now on. */
  obey(order: Order): void;
  /** An order of one of the transaction's own triggers, which may be held back; `ownRun` is of one of the task itself. */
  follow(action: "start" | "restart", by: { cause: string; ownRun?: number }): void;
  stop(cause: string): void;
  /** It is restarted together with another one, after this pause. */
  accompany(delayMs: number, cause: string): void;
  /** It is to stop as soon as those that need it are gone. */
  stopSoon(cause: string): void;
  /** Which of the tasks it depends on are not ready, in a clause. */
  depend(missing: string): void;
  /** What a look at its processes has found. */
  seen(look: Look): void;
  /** An announcement heard on the bus under an incarnation of this task; false when it is not the present one. */
  hear(incarnation: string, sequence: number, message: ControlMessage): boolean;
  /** An announcement about this task from a peer that has no incarnation of ours. */
  note(message: ControlMessage): void;
  /** Ends its process at once, whoever shares it. */
  kill(): void;
}

/** What can be seen of the processes of a task from outside. */
export interface Look {
  /** The resident memory of all of them, in MiB. */
  rssMib: number;
  /** Whether the one that leads them is halted by a signal. */
  isHalted: boolean;
}

/** What is known of a task from before the provider started. */
export interface Past {
  state: TaskState;
  runs: number;
  ends: readonly number[];
}
