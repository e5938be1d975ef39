// One task service of one transaction: keeps its standing, feeds the state table with events, and performs the
// effects the table names. Whatever an effect does wrong comes back as an event; none throws into the table.
import { randomUUID } from "node:crypto";
import type { TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import { formatTaskService } from "../../config/task-service.ts";
import { reasonOf } from "../../errors.ts";
import type { Exit, SpawnFailure } from "../../launch/child.ts";
import { keepLastWords } from "../../launch/last-error-line.ts";
import type { RunningProbe } from "../../launch/probe.ts";
import type { Watch } from "../../liveness.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { type ControlMessage, deviceActionOf, type Message } from "../../protocol/message.ts";
import type { Assignment, Beat } from "../../protocol/pipe.ts";
import { hasProcess, isPending } from "../../protocol/task-state.ts";
import { eventOf } from "./announced-event.ts";
import { type Effect, follow, type LifecycleEvent, newborn, returned } from "./lifecycle.ts";
import { onBehalfOf, type Spoken } from "./proxy-announcement.ts";
import { announced, commanded, newRecord, standingAt } from "./record.ts";
import { type RestartDecision, wantsRestart } from "./restart.ts";
import { createRestartHistory } from "./restart-history.ts";
import { beginRun, type Run } from "./run.ts";
import type { Past, SupervisedTask, Surroundings } from "./task-contract.ts";
import { admit, unthrottled } from "./trigger-throttle.ts";

/** Takes a task service under supervision; it does nothing yet. */
export function supervise(definition: TaskServiceConfig, around: Surroundings, past?: Past): SupervisedTask {
  const { transaction } = around;
  const timers = createTimers();
  let task = definition;
  let standing = past === undefined ? newborn() : returned(past.state, past.runs);
  let before = standing;
  let record = newRecord(task);
  let throttle = unthrottled;
  const restartHistory = createRestartHistory(around.nowMs, past?.ends);
  let run: Run | undefined;
  let environment: Readonly<Record<string, string>> = {};
  let probing: RunningProbe | undefined;
  let watch: Watch | undefined;
  let lastBeat: Beat | undefined;
  /** When it was first seen halted, of all looks since that have found it so. */
  let haltedMs: number | undefined;
  let lastExit: Exit | undefined;
  let lastWords = keepLastWords();
  /** Why no restart follows the present run, or the last one: its policy or a trigger of its own has asked in vain. */
  let refused: string | undefined;

  function send(event: LifecycleEvent, cause = causeOf(event)): void {
    before = standing;
    const [next, effects] = follow(standing, event);
    standing = next;
    if (standing.state === "running" && before.state !== "running") restartHistory.started();
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
    fireOnStart: () => fire("on_start"),
    fireOnUpdate: () => fire("on_update"),
    fireOnFail: () => fire("on_fail"),
    fireOnExit: () => fire("on_exit"),
  };

  // The next run may have begun already: what has happened is of the one before.
  function fire(event: TriggerEvent): void {
    around.onFired(event, before.life.run);
  }

  function begin(): void {
    const incarnation = randomUUID();
    const definition = task;
    lastWords = keepLastWords();
    refused = undefined;
    restartHistory.began();
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
        if (stream === "stderr") lastWords.add(line);
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
    lastBeat = beat;
    const { heartbeatTimeoutMs } = task.supervision;
    watch ??= around.liveness.watch(heartbeatTimeoutMs, () =>
      send({ type: "silent", reason: `no heartbeat for ${seconds(heartbeatTimeoutMs)}` }),
    );
    watch.beat(beat);
  }

  // A program has no beat, but it can be seen whether it is halted.
  function onLook(isHalted: boolean): void {
    const { heartbeatMs, heartbeatTimeoutMs } = task.supervision;
    haltedMs = isHalted ? (haltedMs ?? around.nowMs()) : undefined;
    if (task.command === undefined || heartbeatMs === 0 || haltedMs === undefined) return;
    if (around.nowMs() - haltedMs < heartbeatTimeoutMs) return;
    send({ type: "silent", reason: `halted by a signal for ${seconds(heartbeatTimeoutMs)}` });
  }

  function onSpawnFailed({ reason, isTransient }: SpawnFailure): void {
    lastExit = undefined;
    const isWanted = isTransient || wantsAgain({ hasFailed: true, code: null });
    end({ type: "spawnFailed", reason }, { isWanted, hasFailed: true });
  }

  function onExit(exit: Exit): void {
    const { life } = standing;
    const clean = exit.code !== null && task.supervision.successCodes.includes(exit.code);
    const hasFailed = life.reason !== undefined || life.fault !== undefined || !(clean || life.saidEnded);
    lastExit = exit;
    const reason = [describeExit(exit), lastWords.line ?? []].flat().join(": ");
    end({ type: "exit", clean, reason }, { isWanted: wantsAgain({ hasFailed, code: exit.code }), hasFailed });
  }

  function wantsAgain(how: { hasFailed: boolean; code: number | null }): boolean {
    return wantsRestart(task.supervision, how);
  }

  // A run that was asked to end, or that a trigger starts again, is nobody's business any more.
  function end(event: EndEvent, { isWanted, hasFailed }: { isWanted: boolean; hasFailed: boolean }): void {
    watch?.end();
    watch = undefined;
    lastBeat = undefined;
    haltedMs = undefined;
    const { requested, again } = standing.life;
    // What was refused to it in this run counts at its end, and only as long as it is refused still.
    const refusal = refused === undefined ? undefined : restartHistory.spent(task.supervision);
    if (refusal === undefined) refused = undefined;
    if (!(isWanted || (hasFailed && refusal !== undefined)) || requested || again) return send(event);
    const decision = refusal === undefined ? judge() : { refusal };
    if ("delayMs" in decision) return send({ ...event, backMs: decision.delayMs });
    giveUp(decision.refusal, { ...event, reason: `${event.reason}; ${decision.refusal}` });
  }

  function giveUp(refusal: string, event?: LifecycleEvent): void {
    if (event !== undefined) send(event);
    const { reason } = standing.life;
    send({ type: "givenUp", reason: reason?.includes(refusal) ? reason : [reason ?? [], refusal].flat().join("; ") });
    if (refused === undefined) around.onRefused(refusal);
    refused = refusal;
  }

  function judge(): RestartDecision {
    const decision = restartHistory.judge(task.supervision);
    if ("delayMs" in decision) around.onComeback(decision.delayMs);
    return decision;
  }

  /** A trigger of its own starts it again. One end leads to one restart, however many ask. */
  function followItself(action: "start" | "restart", cause: string): void {
    if (standing.life.again || refused !== undefined) return;
    const decision = judge();
    if ("refusal" in decision) return giveUp(decision.refusal);
    if (action === "restart") around.publish(commandOf("restart"));
    send({ type: action, delayMs: decision.delayMs }, cause);
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
    const ends = restartHistory.forgive();
    refused = undefined;
    if (ends > 0) around.onForgiven(ends);
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
      return restartHistory.memory;
    },
    get lastExit() {
      return lastExit;
    },
    get beat() {
      return lastBeat;
    },
    obey(order) {
      task = order.task;
      const { action } = order;
      if (action === "define" || action === "stop") return send({ type: action }, "command");
      if (action === "resume") return send({ type: "start", delayMs: 0 }, "the provider has come back");
      forgive();
      send({ type: action, delayMs: 0 }, "command");
    },
    follow(action, { cause, ownRun }) {
      // Whoever runs already, or waits for its turn, is left alone by another start.
      const { state, life } = standing;
      if (isPending(state) || (action === "start" && (state === "starting" || state === "running"))) return;
      if (ownRun !== undefined) return ownRun === life.run ? followItself(action, cause) : undefined;
      const refusal = restartHistory.spent(task.supervision);
      if (refusal !== undefined) return around.onRefused(refusal);
      if (action === "restart") around.publish(commandOf("restart"));
      send({ type: action, delayMs: admitTriggered() }, cause);
    },
    accompany(delayMs, cause) {
      around.publish(commandOf("restart"));
      send({ type: "restart", delayMs }, cause);
    },
    stop: (cause) => send({ type: "stop" }, cause),
    stopSoon: (cause) => send({ type: "stopSoon" }, cause),
    depend(missing) {
      if (missing !== standing.life.missing) send({ type: "dependencies", missing });
    },
    seen({ rssMib, isHalted }) {
      onLook(isHalted);
      const { memoryMaxMib } = task.supervision;
      if (memoryMaxMib === undefined || rssMib <= memoryMaxMib) return;
      send({ type: "tooLarge", reason: `its processes hold ${Math.round(rssMib)} MiB, more than ${memoryMaxMib} MiB` });
    },
    hear(incarnation, sequence, message) {
      if (incarnation !== run?.incarnation || !hasProcess(standing.state)) return false;
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
