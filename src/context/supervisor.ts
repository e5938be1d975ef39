// One task service of one transaction: keeps its standing, feeds the state table with events, and performs the
// effects the table names. Whatever an effect does wrong comes back as an event; none throws into the table.
import { randomUUID } from "node:crypto";
import type { Endpoints, TaskServiceConfig, TriggerEvent } from "../config/context-config.ts";
import { formatTaskService } from "../config/task-service.ts";
import { type ContextError, reasonOf } from "../errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import { type ControlMessage, deviceActionOf, type Message } from "../protocol/message.ts";
import type { Assignment } from "../protocol/pipe.ts";
import type { OutputStream } from "./child.ts";
import { eventOf, type Order } from "./dispatch.ts";
import { type Effect, follow, isAlive, type LifecycleEvent, newborn, type Standing } from "./lifecycle.ts";
import { announced, commanded, newRecord, standingAt, type TaskRecord } from "./record.ts";
import { onBehalfOf, type Spoken } from "./report.ts";
import { beginRun, type Run } from "./run.ts";
import type { Launcher, RunEvents, TaskRun } from "./task-process.ts";
import { admit, unthrottled } from "./throttle.ts";

/** What a supervised task works with and whom it tells. */
export interface Surroundings {
  transaction: string;
  contextId: string;
  endpoints: Endpoints;
  launcher: Launcher;
  /** Answers the path of the module to load, or of the program to run; rejects when there is none. */
  prepare(task: TaskServiceConfig): Promise<string>;
  /** From the request to stop to SIGKILL, in milliseconds. */
  graceMs: number;
  nowMs(): number;
  /** False when the message can't travel, which has been reported. */
  publish(message: Message): boolean;
  /** Publishes, and resolves when everybody could hear it, or the bus has had its chance. */
  publishThrough(message: Message): Promise<void>;
  /** Resolves when the bus has brought what was said before, or has had its chance. */
  caughtUp(): Promise<void>;
  /** A run has begun; its announcements carry this incarnation. */
  onRun(incarnation: string): void;
  onFired(event: TriggerEvent): void;
  /** Its triggers start it too often from now on. */
  onSlowed(): void;
  /** Its state, or what `context_info` shows of it, may have changed. */
  onChanged(from: Standing["state"]): void;
  onOutput(stream: OutputStream, line: string): void;
  onGarbage(error: ContextError): void;
  /** An effect could not be performed; supervision goes on. */
  onIncident(effect: string, error: unknown): void;
}

export interface Supervised {
  readonly task: TaskServiceConfig;
  readonly standing: Standing;
  /** Its entry in `context_info`. */
  readonly record: TaskRecord;
  /** An order of somebody outside; with it comes the definition that holds from now on. */
  obey(order: Order): void;
  /** An order of one of the transaction's own triggers, which may be held back. */
  follow(action: "start" | "stop" | "restart"): void;
  /** An announcement heard on the bus under an incarnation of this task; false when it is not the present one. */
  hear(incarnation: string, sequence: number, message: ControlMessage): boolean;
  /** An announcement about this task from a peer that has no incarnation of ours. */
  note(message: ControlMessage): void;
  /** Ends its process at once, whoever shares it. */
  kill(): void;
}

/** A task asked to stop gets SIGTERM as well after half its grace period, but not later than this, in milliseconds. */
const TERMINATE_MS = 2_000;

/** Takes a task service under supervision; it does nothing yet. */
export function supervise(definition: TaskServiceConfig, around: Surroundings): Supervised {
  const { transaction } = around;
  const timers = createTimers(send);
  let task = definition;
  let standing = newborn();
  let before = standing;
  let record = newRecord(task);
  let throttle = unthrottled;
  let run: Run | undefined;

  function send(event: LifecycleEvent): void {
    before = standing;
    const [next, effects] = follow(standing, event);
    standing = next;
    for (const effect of effects) attempt(effect);
    around.onChanged(before.state);
  }

  // One effect that fails must not keep the others from being performed.
  function attempt(effect: Effect): void {
    try {
      perform[effect]();
    } catch (error) {
      around.onIncident(effect, error);
      // Without a run nothing would ever follow.
      if (effect === "spawn") queueMicrotask(() => send({ type: "spawnFailed", reason: reasonOf(error) }));
    }
  }

  const perform: Record<Effect, () => void> = {
    spawn: begin,
    askToStop() {
      // The pipe is quicker than the bus, but listeners are to hear the command before what the task says to it.
      run?.askToStop(around.publishThrough(commandOf("stop")));
    },
    terminate: () => run?.terminate(),
    kill: () => run?.kill(),
    // A service of ours says itself when it has started.
    armReady() {
      if (task.command !== undefined) timers.arm("readyDue", task.command.readyAfterMs);
    },
    disarmReady: () => timers.disarm("readyDue"),
    armGrace() {
      timers.arm("terminateDue", Math.min(around.graceMs / 2, TERMINATE_MS));
      timers.arm("killDue", around.graceMs);
    },
    disarmGrace() {
      timers.disarm("terminateDue");
      timers.disarm("killDue");
    },
    armBackoff: () => timers.arm("backoffOver", standing.life.delayMs),
    disarmBackoff: () => timers.disarm("backoffOver"),
    sayCreated: () => speakFor("created"),
    sayStarted: () => speakFor("started"),
    sayStopped: () => speakFor("stopped"),
    sayFailed: () => speakFor("failed"),
    fireOnStart: () => around.onFired("on_start"),
    fireOnUpdate: () => around.onFired("on_update"),
    fireOnFail: () => around.onFired("on_fail"),
    fireOnExit: () => around.onFired("on_exit"),
  };

  function begin(): void {
    const incarnation = randomUUID();
    const definition = task;
    around.onRun(incarnation);
    run = beginRun({
      incarnation,
      prepare: () => around.prepare(definition),
      launch: (path, events) => launch(definition, incarnation, path, events),
      hasPipe: definition.command === undefined,
      caughtUp: around.caughtUp,
      onEvent: send,
      onSaid: note,
      onOutput: around.onOutput,
      onGarbage: around.onGarbage,
    });
    around.publish(commandOf("start"));
  }

  function launch(definition: TaskServiceConfig, incarnation: string, path: string, events: RunEvents): TaskRun {
    const { command, serviceType } = definition;
    const assignment = assignmentOf(definition);
    if (command !== undefined) return around.launcher.launchProgram(incarnation, { path, command, assignment }, events);
    return around.launcher.launch(
      incarnation,
      { ...assignment, module: path, isThread: serviceType === "Thread" },
      events,
    );
  }

  function assignmentOf(definition: TaskServiceConfig): Assignment {
    return {
      endpoints: around.endpoints,
      transaction,
      contextId: around.contextId,
      serviceId: definition.id,
      serviceName: definition.serviceName,
      instance: definition.instance,
      topic: definition.topic,
      deviceAction: deviceActionOf(definition),
      configuration: definition.configuration,
    };
  }

  function commandOf(action: "start" | "stop" | "restart"): Message {
    const header = { action, serviceId: task.id, serviceName: task.serviceName, transaction };
    const body: JsonObject = { ...formatTaskService(task, { action, transaction }) };
    record = commanded(record, action, body);
    return { kind: "process", topic: task.topic, header, body };
  }

  function speakFor(action: Spoken): void {
    // Where the next run has begun already, it is the one before that is spoken of.
    const { pid = before.life.pid, reason = before.life.reason } = standing.life;
    const message = onBehalfOf(task, {
      transaction,
      action,
      ...(pid === undefined ? {} : { pid }),
      ...(action === "failed" && reason !== undefined ? { reason } : {}),
    });
    record = announced(record, action, message.status);
    around.publish(message);
  }

  function note({ header, status }: ControlMessage): void {
    record = announced(record, header.action, status);
    const event = eventOf(header.action, status);
    if (event === undefined) around.onChanged(standing.state);
    else send(event);
  }

  function admitTriggered(): number {
    const { delayMs, throttle: next } = admit(throttle, around.nowMs());
    if (next.isSlowed && !throttle.isSlowed) around.onSlowed();
    throttle = next;
    return delayMs;
  }

  return {
    get task() {
      return task;
    },
    get standing() {
      return standing;
    },
    get record() {
      return standingAt(record, standing);
    },
    obey(order) {
      task = order.task;
      send(
        order.action === "start" || order.action === "restart"
          ? { type: order.action, delayMs: 0 }
          : { type: order.action },
      );
    },
    follow(action) {
      if (action === "stop") return send({ type: "stop" });
      // Whoever runs already, or waits for its turn, is left alone by another start.
      const { state } = standing;
      if (state === "backingOff" || (action === "start" && (state === "starting" || state === "running"))) return;
      if (action === "restart") around.publish(commandOf("restart"));
      send({ type: action, delayMs: admitTriggered() });
    },
    hear(incarnation, sequence, message) {
      if (incarnation !== run?.incarnation || !isAlive(standing.state)) return false;
      run.hear(sequence, message);
      return true;
    },
    note,
    kill: () => run?.destroy(),
  };
}

type Alarm = Extract<LifecycleEvent["type"], "readyDue" | "terminateDue" | "killDue" | "backoffOver">;

function createTimers(send: (event: LifecycleEvent) => void) {
  const armed = new Map<Alarm, NodeJS.Timeout>();
  return {
    arm(type: Alarm, delayMs: number): void {
      armed.set(
        type,
        setTimeout(() => send({ type }), delayMs),
      );
    },
    disarm(type: Alarm): void {
      clearTimeout(armed.get(type));
      armed.delete(type);
    },
  };
}
