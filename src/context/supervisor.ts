// One task service of one transaction: keeps its standing, feeds the state table with events, and performs the
// effects the table names. Whatever an effect does wrong comes back as an event; none throws into the table.
import { randomUUID } from "node:crypto";
import type { Endpoints, TaskServiceConfig, TriggerEvent } from "../config/context-config.ts";
import { formatTaskService } from "../config/task-service.ts";
import { type ContextError, reasonOf } from "../errors.ts";
import type { JsonObject } from "../protocol/json.ts";
import { type ControlMessage, deviceActionOf, type Message } from "../protocol/message.ts";
import type { Assignment, Beat } from "../protocol/pipe.ts";
import type { Exit, OutputStream, SpawnFailure } from "./child.ts";
import { eventOf, type Order } from "./dispatch.ts";
import type { Enter } from "./gate.ts";
import {
  type Effect,
  follow,
  isAlive,
  isPending,
  type LifecycleEvent,
  type LifecycleState,
  newborn,
  returned,
  type Standing,
} from "./lifecycle.ts";
import type { Liveness, Watch } from "./liveness.ts";
import type { RunningProbe } from "./probe.ts";
import { announced, commanded, newRecord, standingAt, type TaskRecord } from "./record.ts";
import { onBehalfOf, type Spoken } from "./report.ts";
import { type Comeback, comeBack, type RestartMemory, spent, untried, wantsRestart } from "./restart.ts";
import { beginRun, type Prepared, type Run } from "./run.ts";
import type { Launcher } from "./task-process.ts";
import { admit, unthrottled } from "./throttle.ts";

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
  onFired(event: TriggerEvent): void;
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
  onGarbage(error: ContextError): void;
  /** An effect could not be performed; supervision goes on. */
  onIncident(effect: string, error: unknown): void;
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

export interface Supervised {
  readonly task: TaskServiceConfig;
  readonly standing: Standing;
  /** Its entry in `context_info`. */
  readonly record: TaskRecord;
  /** The ends that count for its restart intensity. */
  readonly memory: RestartMemory;
  /** How its last run ended. */
  readonly lastExit: Exit | undefined;
  /** An order of somebody outside; with it comes the definition that holds from now on. */
  obey(order: Order): void;
  /** An order of one of the transaction's own triggers, which may be held back. */
  follow(action: "start" | "stop" | "restart", by: { isOwn: boolean; cause: string }): void;
  /** It is restarted together with another one, after this pause. */
  accompany(delayMs: number, cause: string): void;
  /** It is to stop as soon as those that need it are gone. */
  stopSoon(): void;
  /** Which of the tasks it depends on are not ready, in a clause. */
  depend(missing: string): void;
  /** The resident memory of its processes, in MiB. */
  weigh(rssMib: number): void;
  /** An announcement heard on the bus under an incarnation of this task; false when it is not the present one. */
  hear(incarnation: string, sequence: number, message: ControlMessage): boolean;
  /** An announcement about this task from a peer that has no incarnation of ours. */
  note(message: ControlMessage): void;
  /** Ends its process at once, whoever shares it. */
  kill(): void;
}

/** What is known of a task from before the provider started. */
export interface Past {
  state: LifecycleState;
  runs: number;
  ends: readonly number[];
}

/** Takes a task service under supervision; it does nothing yet. */
export function supervise(definition: TaskServiceConfig, around: Surroundings, past?: Past): Supervised {
  const { transaction } = around;
  const timers = createTimers();
  let task = definition;
  let standing = past === undefined ? newborn() : returned(past.state, past.runs);
  let before = standing;
  let record = newRecord(task);
  let throttle = unthrottled;
  let memory: RestartMemory = past === undefined ? untried : { ...untried, ends: past.ends };
  let run: Run | undefined;
  let environment: Readonly<Record<string, string>> = {};
  let probing: RunningProbe | undefined;
  let watch: Watch | undefined;
  let lastExit: Exit | undefined;
  let runningSinceMs: number | undefined;

  function send(event: LifecycleEvent, cause = causeOf(event)): void {
    before = standing;
    const [next, effects] = follow(standing, event);
    standing = next;
    if (standing.state === "running" && before.state !== "running") runningSinceMs = around.nowMs();
    for (const effect of effects) attempt(effect);
    around.onChanged({ from: before.state, event: event.type, ...(cause === undefined ? {} : { cause }) });
  }

  // One effect that fails must not keep the others from being performed.
  function attempt(effect: Effect): void {
    try {
      perform[effect]();
    } catch (error) {
      around.onIncident(effect, error);
      // Without a run nothing would ever follow.
      if (effect === "spawn") queueMicrotask(() => onSpawnFailed({ reason: reasonOf(error), isTransient: false }));
    }
  }

  const perform: Record<Effect, () => void> = {
    spawn: begin,
    askToStop() {
      // The pipe is quicker than the bus, but listeners are to hear the command before what the task says to it.
      run?.askToStop(around.publishThrough(commandOf("stop")));
    },
    kill: () => run?.kill(),
    armReady,
    disarmReady() {
      timers.disarm("ready");
      timers.disarm("readyLate");
      probing?.stop();
      probing = undefined;
    },
    armGrace: () => timers.arm(task.supervision.graceMs, "killDue", () => send({ type: "killDue" })),
    disarmGrace: () => timers.disarm("killDue"),
    armBackoff: () => timers.arm(standing.life.delayMs, "backoffOver", () => send({ type: "backoffOver" })),
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
    runningSinceMs = undefined;
    lastExit = undefined;
    around.onRun(incarnation);
    run = beginRun({
      incarnation,
      async prepare() {
        const prepared = await around.prepare(definition);
        ({ environment } = prepared);
        return prepared;
      },
      enter: around.enter,
      launch: (prepared, events) =>
        around.launcher.launch(
          incarnation,
          { task: definition, assignment: assignmentOf(definition), ...prepared },
          events,
        ),
      hasPipe: definition.command === undefined,
      caughtUp: around.caughtUp,
      onEvent: send,
      onBeat,
      onSaid: note,
      onOutput(stream, line) {
        probing?.line(line);
        around.onOutput(stream, line);
      },
      onGarbage: around.onGarbage,
      onSpawnFailed,
      onExit,
    });
    around.publish(commandOf("start"));
  }

  // A service of ours says itself when it has started, unless its file has somebody else say so. What needs no more
  // than to live for a while can't be late.
  function armReady(): void {
    const { probe, readyTimeoutMs } = task.supervision;
    if (probe !== undefined) probing = around.probe(task, environment, () => send({ type: "ready" }));
    else if (task.command !== undefined)
      return timers.arm(task.command.readyAfterMs, "ready", () => send({ type: "ready" }));
    timers.arm(readyTimeoutMs, "readyLate", () => {
      const fault = probing?.lastFault === undefined ? "" : `: ${probing.lastFault}`;
      send({ type: "readyLate", reason: `not ready within ${seconds(readyTimeoutMs)}${fault}` });
    });
  }

  function onBeat(beat: Beat): void {
    const { heartbeatTimeoutMs } = task.supervision;
    watch ??= around.liveness.watch(heartbeatTimeoutMs, () =>
      send({ type: "silent", reason: `no heartbeat for ${seconds(heartbeatTimeoutMs)}` }),
    );
    watch.beat(beat);
  }

  function onSpawnFailed({ reason, isTransient }: SpawnFailure): void {
    end({ type: "spawnFailed", reason }, { isWanted: isTransient || wantsAgain({ hasFailed: true, code: null }) });
  }

  function onExit(exit: Exit): void {
    const { life } = standing;
    const clean = exit.code !== null && task.supervision.successCodes.includes(exit.code);
    const hasFailed = life.reason !== undefined || life.fault !== undefined || !(clean || life.saidEnded);
    lastExit = exit;
    end({ type: "exit", clean, reason: describeExit(exit) }, { isWanted: wantsAgain({ hasFailed, code: exit.code }) });
  }

  function wantsAgain(how: { hasFailed: boolean; code: number | null }): boolean {
    return wantsRestart(task.supervision, how);
  }

  // A run that was asked to end, or that a trigger starts again, is nobody's business any more.
  function end(event: EndEvent, { isWanted }: { isWanted: boolean }): void {
    watch?.end();
    watch = undefined;
    const { requested, again } = standing.life;
    if (!isWanted || requested || again) return send(event);
    const comeback = judge();
    if ("delayMs" in comeback) return send({ ...event, backMs: comeback.delayMs });
    giveUp(comeback.refusal, { ...event, reason: `${event.reason}; ${comeback.refusal}` });
  }

  function giveUp(refusal: string, event?: LifecycleEvent): void {
    if (event !== undefined) send(event);
    const { reason } = standing.life;
    send({ type: "givenUp", reason: reason?.includes(refusal) ? reason : [reason ?? [], refusal].flat().join("; ") });
    around.onRefused(refusal);
  }

  /** Counts an end that another run is to follow. */
  function judge(): Comeback {
    const nowMs = around.nowMs();
    const ranMs = runningSinceMs === undefined ? 0 : nowMs - runningSinceMs;
    const { comeback, memory: next } = comeBack(memory, { nowMs, ranMs }, task.supervision, Math.random());
    memory = next;
    if ("delayMs" in comeback) around.onComeback(comeback.delayMs);
    return comeback;
  }

  /** A trigger of its own starts it again. One end leads to one restart, however many ask. */
  function followItself(action: "start" | "restart", cause: string): void {
    if (standing.life.again) return;
    const comeback = judge();
    if ("refusal" in comeback) return giveUp(comeback.refusal);
    if (action === "restart") around.publish(commandOf("restart"));
    send({ type: action, delayMs: comeback.delayMs }, cause);
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
    if (event === undefined) around.onChanged({ from: standing.state, event: "updated" });
    else if (event.type === "started" && task.supervision.probe !== undefined) send({ ...event, isProbed: true });
    else send(event);
  }

  /** A start by hand begins anew, whatever was before. */
  function forgive(): void {
    if (memory.ends.length > 0) around.onForgiven(memory.ends.length);
    memory = untried;
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
    get memory() {
      return memory;
    },
    get lastExit() {
      return lastExit;
    },
    obey(order) {
      task = order.task;
      const { action } = order;
      if (action === "define" || action === "stop") return send({ type: action }, "command");
      if (action === "resume") return send({ type: "start", delayMs: 0 }, "the provider has come back");
      forgive();
      send({ type: action, delayMs: 0 }, "command");
    },
    follow(action, { isOwn, cause }) {
      if (action === "stop") return send({ type: "stop" }, cause);
      // Whoever runs already, or waits for its turn, is left alone by another start.
      const { state } = standing;
      if (isPending(state) || (action === "start" && (state === "starting" || state === "running"))) return;
      if (isOwn) return followItself(action, cause);
      const refusal = spent(memory, task.supervision, around.nowMs());
      if (refusal !== undefined) return around.onRefused(refusal);
      if (action === "restart") around.publish(commandOf("restart"));
      send({ type: action, delayMs: admitTriggered() }, cause);
    },
    accompany: (delayMs, cause) => send({ type: "restart", delayMs }, cause),
    stopSoon: () => send({ type: "stopSoon" }, "command"),
    depend(missing) {
      if (missing !== standing.life.missing) send({ type: "dependencies", missing });
    },
    weigh(rssMib) {
      const { memoryMaxMib } = task.supervision;
      if (memoryMaxMib === undefined || rssMib <= memoryMaxMib) return;
      send({ type: "tooLarge", reason: `its processes hold ${Math.round(rssMib)} MiB, more than ${memoryMaxMib} MiB` });
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

type EndEvent = Extract<LifecycleEvent, { type: "exit" | "spawnFailed" }>;
type Alarm = Extract<LifecycleEvent["type"], "ready" | "readyLate" | "killDue" | "backoffOver">;

function createTimers() {
  const armed = new Map<Alarm, NodeJS.Timeout>();
  return {
    arm(delayMs: number, name: Alarm, onDue: () => void): void {
      armed.set(name, setTimeout(onDue, delayMs));
    },
    disarm(name: Alarm): void {
      clearTimeout(armed.get(name));
      armed.delete(name);
    },
  };
}

function causeOf(event: LifecycleEvent): string | undefined {
  return "reason" in event ? event.reason : undefined;
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`;
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}
