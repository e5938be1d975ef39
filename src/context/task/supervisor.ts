// One task service of one transaction: keeps its standing, feeds the state table with events, and has the effects performed
// that the table names.
import { isDeepStrictEqual } from "node:util";
import type { TaskServiceConfig } from "../../config/context-config.ts";
import type { ControlMessage } from "../../protocol/message.ts";
import { readStreamFigures } from "../../protocol/stream-report.ts";
import { hasProcess, isAtRest } from "../../protocol/task-state.ts";
import { createHealth } from "./health.ts";
import type { LifecycleEvent, Past } from "./life.ts";
import { advance, initialStanding, restoredStanding } from "./lifecycle.ts";
import { createMessenger } from "./messenger.ts";
import { createPerformer } from "./performer.ts";
import { createRestarts } from "./restarts.ts";
import { createRuns } from "./runs.ts";
import { createNextRun, scheduleOf } from "./schedule.ts";
import { type Cause, COMMAND, type SupervisedTask, type TaskEvent, type TaskHost } from "./task-contract.ts";
import { endingIn } from "./task-messages.ts";

export interface SupervisorOptions {
  transaction: string;
  host: TaskHost;
  observe(task: SupervisedTask, event: TaskEvent): void;
}

/** Takes a task service under supervision; it does nothing yet. */
export function supervise(
  definition: TaskServiceConfig,
  { transaction, host, observe }: SupervisorOptions,
  past?: Past,
): SupervisedTask {
  let task = definition;
  let standing = past === undefined ? initialStanding() : restoredStanding(past);
  const nextRun = createNextRun(Date.now);
  const messenger = createMessenger({ transaction, task: () => task });
  const health = createHealth({
    host,
    task: () => task,
    caughtUp: async () => runs.present?.caughtUp(),
    tell: send,
  });
  const restarts = createRestarts(
    {
      nowMs: host.nowMs,
      supervision: () => task.supervision,
      standing: () => standing,
      send,
      tell,
      sayRestart,
      codeChanged: (signal) => host.codeChanged(task, signal),
    },
    past?.ends,
  );
  const runs = createRuns({
    ...{ transaction, host, health, restarts, send, tell, note },
    task: () => task,
    life: () => standing.life,
    past,
  });

  const performer = createPerformer({ host, messenger, health, runs, send, tell, task: () => task });

  /** Publishes the command that restarts the task. */
  function sayRestart(): void {
    host.publish(messenger.command("restart"));
  }

  function tell(event: TaskEvent): void {
    observe(supervised, event);
  }

  function send(event: LifecycleEvent, cause?: Cause): void {
    const from = standing.state;
    const [next, effects] = advance(standing, event);
    standing = next;
    const isReady = standing.state === "running" && from !== "running";
    if (isReady) restarts.runReady();
    if (from === "running" && standing.state !== "running") health.stopWatchingLiveness();
    for (const effect of effects) performer.perform(effect);
    if (isReady) runs.watchLiveness();
    tell({ type: "changed", change: { from, event: event.type, reasons: reasonsOf(event), ...(cause && { cause }) } });
  }

  function note(message: ControlMessage): void {
    const event = messenger.hear(message);
    if (event !== undefined) send(event);
    else tell({ type: "changed", change: { from: standing.state, event: "updated", reasons: [] } });
  }

  function stop(type: "stop" | "stopSoon", cause: Cause): void {
    restarts.forgetCode();
    const isUnscheduled = task.supervision.schedule !== undefined && isAtRest(standing.state);
    send({ type: isUnscheduled && standing.state !== "defined" ? "unschedule" : type }, cause);
  }

  const supervised: SupervisedTask = {
    get task() {
      return task;
    },
    get standing() {
      return standing;
    },
    get record() {
      return { ...messenger.recordAt(standing), ...nextRun(scheduleOf(task, standing.state)) };
    },
    get memory() {
      return restarts.memory;
    },
    get awaitsCode() {
      return restarts.awaitsCode;
    },
    get lastExit() {
      return runs.lastExit;
    },
    get beat() {
      return health.beat;
    },
    get streams() {
      return health.streams;
    },
    drift: async () => runs.present?.drift() ?? [],
    redefine(next) {
      task = next;
    },
    obey({ task: next, action, cause = COMMAND }) {
      task = next;
      if (action === "stop") return stop("stop", cause);
      if (action === "define") return send({ type: action }, cause);
      if (action === "resume") return send({ type: "start", delayMs: 0 }, { kind: "resume" });
      restarts.forgive();
      send({ type: action, delayMs: 0 }, cause);
    },
    trigger: restarts.trigger,
    restartWith(delayMs, cause) {
      sayRestart();
      send({ type: "restart", delayMs }, cause);
    },
    stop: (cause) => stop("stop", cause),
    stopSoon: (cause) => stop("stopSoon", cause),
    waitFor(missing) {
      if (!isDeepStrictEqual(missing, standing.life.missing)) send({ type: "dependencies", missing });
    },
    inspect: health.inspect,
    hear(incarnation, sequence, message) {
      if (incarnation !== runs.present?.incarnation || !hasProcess(standing.state)) return false;
      if (sequence === undefined) note(message);
      else runs.present.hear(sequence, message);
      return true;
    },
    hearEnding(incarnation, { status }) {
      if (incarnation === runs.present?.incarnation) send(endingIn(status));
    },
    hearStreams(incarnation, { status }) {
      const streams = readStreamFigures(status.streams);
      if (incarnation === runs.present?.incarnation && streams !== undefined) health.hearStreams(streams);
    },
    note,
    kill: () => runs.present?.destroy(),
  };
  return supervised;
}

function reasonsOf(event: LifecycleEvent): string[] {
  const reason = "reason" in event ? event.reason : undefined;
  const refusal = "refusal" in event ? event.refusal : undefined;
  return [reason, refusal].filter((part) => part !== undefined);
}
