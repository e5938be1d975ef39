// The life of one task service as a state table. It names effects and performs none: the supervisor does, and what
// becomes of them comes back as events. What is wanted (`again`, `requested`) is kept apart from what is (the state),
// so a stop always wins over a pending start. Only `starting` spawns, and a state with a live process leads there by
// its `exit` alone: never two processes of one task. `exit` means that the process table shows nobody of it any more.
// Pure.

import { assign, enqueueActions, initialTransition, type SnapshotFrom, setup, transition } from "xstate";
import { hasProcess, isAtRest, isPending, type TaskState } from "../../protocol/task-state.ts";

/** What the table remembers of one task service. */
export interface Life {
  /** Runs begun, from 1; a run is one life of the task, from a spawn to the end of that process. */
  run: number;
  /** Of the present or the last process. */
  pid: number | undefined;
  /** The run was asked to stop or to restart: what it does from now on is no event of its own. */
  requested: boolean;
  /** A new run is wanted as soon as the process is gone. */
  again: boolean;
  /** How long the next start is held back, in milliseconds. */
  delayMs: number;
  /** Why the run counts as failed; on_fail has fired. */
  reason: string | undefined;
  /** Why the run is ended by us, though nobody asked; on_fail fires once it is gone. */
  fault: string | undefined;
  /** What of it can't be ended, and why. */
  stuck: string | undefined;
  /** The tasks it waits for, in a clause; empty when all are ready. */
  missing: string;
  /** The task itself has announced its start; with a probe it is not running by that. */
  saidStarted: boolean;
  /** The task itself has announced its failure. */
  saidFailed: boolean;
  /** The task itself has announced its end. */
  saidEnded: boolean;
}

export type LifecycleEvent =
  /** Commands. `stopSoon` is a stop that still waits for those who need the task. */
  | { type: "define" }
  | { type: "start"; delayMs: number }
  | { type: "restart"; delayMs: number }
  | { type: "stopSoon" }
  | { type: "stop" }
  /** Which of the tasks it depends on are not ready. */
  | { type: "dependencies"; missing: string }
  /** What the operating system says. With `backMs` the task is to run again after that pause. */
  | { type: "spawned"; pid: number }
  | { type: "spawnFailed"; reason: string; backMs?: number }
  | { type: "exit"; clean: boolean; reason: string; backMs?: number }
  /** Its leader has gone, and others of it have not. */
  | { type: "lingers" }
  | { type: "stuck"; reason: string }
  /** What the task says; `unfit` is its `started` with the result `failure`. */
  | { type: "started"; isProbed?: boolean }
  | { type: "unfit"; reason: string }
  | { type: "updated" }
  | { type: "failed"; reason: string }
  | { type: "exited" }
  | { type: "stopped" }
  /** What is found out about it: its probe succeeds or it has lived long enough; it never got ready; its loop gives no
   * sign of life; it is larger than it may be. */
  | { type: "ready" }
  | { type: "readyLate"; reason: string }
  | { type: "silent"; reason: string }
  | { type: "tooLarge"; reason: string }
  /** What a timer says. */
  | { type: "killDue" }
  | { type: "backoffOver" }
  /** No restart follows its end, though one was asked for. */
  | { type: "givenUp"; reason: string };

const nothing = () => {};

/** Work the table asks for, by name; the supervisor performs it. */
const effects = {
  spawn: nothing,
  askToStop: nothing,
  kill: nothing,
  armReady: nothing,
  disarmReady: nothing,
  armGrace: nothing,
  disarmGrace: nothing,
  armBackoff: nothing,
  disarmBackoff: nothing,
  sayCreated: nothing,
  sayStarted: nothing,
  sayStopped: nothing,
  sayFailed: nothing,
  fireOnStart: nothing,
  fireOnUpdate: nothing,
  fireOnFail: nothing,
  fireOnExit: nothing,
};

export type Effect = keyof typeof effects;

const newRun = {
  pid: undefined,
  requested: false,
  again: false,
  delayMs: 0,
  reason: undefined,
  fault: undefined,
  stuck: undefined,
  saidStarted: false,
  saidFailed: false,
  saidEnded: false,
};

const table = setup({
  types: {} as { context: Life; events: LifecycleEvent },
  actions: {
    ...effects,
    beginRun: assign(({ context }) => ({ ...newRun, run: context.run + 1 })),
    notePid: assign(({ event }) => ("pid" in event ? { pid: event.pid } : {})),
    noteDelay: assign(({ event }) => ("delayMs" in event ? { delayMs: event.delayMs } : {})),
    noteComeback: assign(({ event }) => ("backMs" in event ? { delayMs: event.backMs ?? 0 } : {})),
    noteMissing: assign(({ event }) => ("missing" in event ? { missing: event.missing } : {})),
    noteReason: assign(({ event, context }) => ("reason" in event ? { reason: context.fault ?? event.reason } : {})),
    // What has been refused to it says more than the fault alone.
    noteRefusal: assign(({ event }) => ("reason" in event ? { reason: event.reason } : {})),
    noteFault: assign(({ event }) => ("reason" in event ? { fault: event.reason } : {})),
    noteStuck: assign(({ event }) => ("reason" in event ? { stuck: event.reason } : {})),
    noteStop: assign({ requested: true, again: false }),
    noteRestart: assign({ requested: true, again: true }),
    noteAgain: assign({ again: true }),
    noteSaidStarted: assign({ saidStarted: true }),
    noteSaidFailed: assign({ saidFailed: true }),
    noteSaidEnded: assign({ saidEnded: true }),
    // The provider speaks for a task that could not speak for itself.
    announceStart: enqueueActions(({ context, enqueue }) => {
      if (!context.saidStarted) enqueue("sayStarted");
    }),
    announceEnd: enqueueActions(({ context, enqueue }) => {
      if (!context.saidEnded) enqueue("sayStopped");
    }),
    // Somebody wants it to run again, which is no answer to how this run has ended.
    settleEnd: enqueueActions(({ context, event, enqueue }) => {
      if (context.requested || context.reason !== undefined) return;
      const isFine = context.fault === undefined && (context.saidEnded || ("clean" in event && event.clean));
      if (!isFine) enqueue("noteReason");
      if (!isFine) enqueue("fireOnFail");
      else if (!context.saidEnded) enqueue("fireOnExit");
    }),
    // Between two runs the task is in no state that would say how the first one ended.
    announceGone: enqueueActions(({ context, enqueue }) => {
      if (context.reason === undefined) enqueue("announceEnd");
      else enqueue("announceFailure");
    }),
    announceFailure: enqueueActions(({ context, enqueue }) => {
      if (!context.saidFailed) enqueue("sayFailed");
    }),
  },
  guards: {
    isHeldBack: ({ event }) => "delayMs" in event && event.delayMs > 0,
    isClean: ({ event, context }) => "clean" in event && event.clean && context.fault === undefined,
    isBack: ({ event }) => "backMs" in event && event.backMs !== undefined,
    isCleanAndBack: ({ event, context }) =>
      "clean" in event && event.clean && context.fault === undefined && event.backMs !== undefined,
    isWantedLater: ({ context }) => context.again && context.delayMs > 0,
    isWantedAgain: ({ context }) => context.again,
    isRequested: ({ context }) => context.requested,
    isComplete: ({ context }) => context.missing === "",
    isProbed: ({ event }) => event.type === "started" && event.isProbed === true,
    hasFailed: ({ context }) => context.reason !== undefined,
    hasFailedAndIsBack: ({ context, event }) =>
      context.reason !== undefined && "backMs" in event && event.backMs !== undefined,
    hasEnded: ({ context }) => context.saidEnded && context.fault === undefined,
    hasEndedAndIsBack: ({ context, event }) =>
      context.saidEnded && context.fault === undefined && "backMs" in event && event.backMs !== undefined,
  },
});

const begin = [{ guard: "isHeldBack", target: "backingOff", actions: "noteDelay" }, { target: "blocked" }] as const;

// Nobody of it lives any more: the commands decide, then what the run said of itself, then how it ended.
const gone = [
  { guard: "isWantedLater", target: "backingOff", actions: ["settleEnd", "announceGone"] },
  { guard: "isWantedAgain", target: "blocked", actions: ["settleEnd", "announceGone"] },
  { guard: "isRequested", target: "stopped" },
  { guard: "hasFailedAndIsBack", target: "backingOff", actions: ["noteComeback", "announceFailure"] },
  { guard: "hasFailed", target: "failed" },
  { guard: "hasEndedAndIsBack", target: "backingOff", actions: "noteComeback" },
  { guard: "hasEnded", target: "exited" },
  { guard: "isCleanAndBack", target: "backingOff", actions: ["noteComeback", "announceEnd", "fireOnExit"] },
  { guard: "isClean", target: "exited", actions: "fireOnExit" },
  {
    guard: "isBack",
    target: "backingOff",
    actions: ["noteReason", "noteComeback", "announceFailure", "fireOnFail"],
  },
  { target: "failed", actions: ["noteReason", "fireOnFail"] },
] as const;

const alive = {
  spawned: { actions: "notePid" },
  dependencies: { actions: "noteMissing" },
  updated: [{ guard: "isRequested" }, { actions: "fireOnUpdate" }],
  failed: [
    { guard: "isRequested", actions: "noteSaidFailed" },
    { guard: "hasFailed", actions: "noteSaidFailed" },
    { actions: ["noteReason", "noteSaidFailed", "fireOnFail"] },
  ],
  unfit: [
    { guard: "isRequested", target: "stopping", actions: "askToStop" },
    { guard: "hasFailed", target: "stopping", actions: "askToStop" },
    { target: "stopping", actions: ["noteReason", "askToStop", "fireOnFail"] },
  ],
  exited: [
    { guard: "isRequested" },
    { guard: "hasFailed" },
    { guard: "hasEnded" },
    { actions: ["noteSaidEnded", "fireOnExit"] },
  ],
  stopped: [
    { guard: "isRequested", target: "stopping", actions: "noteSaidEnded" },
    { guard: "hasFailed", target: "stopping", actions: "noteSaidEnded" },
    { guard: "hasEnded", target: "stopping" },
    { target: "stopping", actions: ["noteSaidEnded", "fireOnExit"] },
  ],
  silent: { target: "unresponsive", actions: ["noteFault", "askToStop"] },
  tooLarge: { target: "stopping", actions: ["noteFault", "askToStop"] },
  stopSoon: { actions: "noteStop" },
  stop: { target: "stopping", actions: ["noteStop", "askToStop"] },
  restart: { target: "stopping", actions: ["noteRestart", "noteDelay", "askToStop"] },
  lingers: "stopping",
  stuck: { target: "stuck", actions: "noteStuck" },
  // A bus message is no proof: the task may count as running by somebody's word, and there never was a process.
  spawnFailed: gone,
  exit: gone,
} as const;

/** On its way out, for whatever reason. */
const leaving = {
  spawned: { actions: "notePid" },
  dependencies: { actions: "noteMissing" },
  stopped: { actions: "noteSaidEnded" },
  failed: [
    { guard: "isRequested", actions: "noteSaidFailed" },
    { guard: "hasFailed", actions: "noteSaidFailed" },
    { actions: ["noteReason", "noteSaidFailed", "fireOnFail"] },
  ],
  start: { actions: ["noteAgain", "noteDelay"] },
  restart: { actions: ["noteAgain", "noteDelay"] },
  stopSoon: { actions: "noteStop" },
  stop: { actions: "noteStop" },
  killDue: { actions: "kill" },
  stuck: { target: "stuck", actions: "noteStuck" },
  spawnFailed: gone,
  exit: gone,
} as const;

const atRest = { start: begin, restart: begin, dependencies: { actions: "noteMissing" } } as const;

const lifecycle = table.createMachine({
  id: "taskService",
  context: { run: 0, missing: "", ...newRun },
  initial: "defined",
  states: {
    // On demand: nothing runs until a trigger or a start asks.
    defined: {
      on: {
        ...atRest,
        define: { actions: "sayCreated" },
        stop: "stopped",
      },
    },
    // It ran away, or has ended: the next start waits its turn.
    backingOff: {
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: {
        dependencies: { actions: "noteMissing" },
        start: [{ guard: "isHeldBack" }, { target: "blocked" }],
        restart: [{ guard: "isHeldBack" }, { target: "blocked" }],
        backoffOver: "blocked",
        stopSoon: "stopped",
        stop: "stopped",
      },
    },
    // Wanted, and waits for those it depends on. Who needs nobody passes through.
    blocked: {
      always: { guard: "isComplete", target: "starting" },
      on: { dependencies: { actions: "noteMissing" }, stopSoon: "stopped", stop: "stopped" },
    },
    starting: {
      entry: ["beginRun", "spawn"],
      exit: "disarmReady",
      on: {
        ...alive,
        spawned: { actions: ["notePid", "armReady"] },
        ready: [
          { guard: "isRequested", target: "running", actions: "announceStart" },
          { target: "running", actions: ["announceStart", "fireOnStart"] },
        ],
        readyLate: { target: "unready", actions: ["noteFault", "askToStop"] },
        started: [
          { guard: "isProbed", actions: "noteSaidStarted" },
          { guard: "isRequested", target: "running", actions: "noteSaidStarted" },
          { target: "running", actions: ["noteSaidStarted", "fireOnStart"] },
        ],
      },
    },
    running: { on: alive },
    stopping: { entry: "armGrace", exit: "disarmGrace", on: leaving },
    // It has not become ready in time.
    unready: { entry: "armGrace", exit: "disarmGrace", on: leaving },
    // Its event loop gives no sign of life.
    unresponsive: { entry: "armGrace", exit: "disarmGrace", on: leaving },
    // Not even SIGKILL has ended it; it is tried again, and whoever else is there is served.
    stuck: { on: { ...leaving, stuck: { actions: "noteStuck" } } },
    stopped: { entry: "announceEnd", on: atRest },
    exited: { entry: "announceEnd", on: { ...atRest, givenUp: { target: "failed", actions: "noteRefusal" } } },
    failed: { entry: "announceFailure", on: { ...atRest, givenUp: { actions: "noteRefusal" } } },
  },
});

type Snapshot = SnapshotFrom<typeof lifecycle>;

/** Where one task service stands. A value: keep it, compare it, never change it. */
export interface Standing {
  readonly state: TaskState;
  readonly life: Readonly<Life>;
  /** @internal The table's own record. */
  readonly snapshot: Snapshot;
}

/** A task service that has never run. */
export function newborn(): Standing {
  return standing(initialTransition(lifecycle)[0]);
}

/** A task service whose earlier runs are known from before the provider started; it is at rest. */
export function returned(state: TaskState, run: number): Standing {
  const context = { run, missing: "", ...newRun, saidEnded: true, saidFailed: true };
  return standing(lifecycle.resolveState({ value: isAtRest(state) ? state : "stopped", context }) as Snapshot);
}

/** What an event makes of a task service, and the effects to perform, in their order. Pure. */
export function follow({ snapshot }: Standing, event: LifecycleEvent): [Standing, Effect[]] {
  const [next, actions] = transition(lifecycle, snapshot, event);
  return [standing(next), actions.map(({ type }) => type as Effect)];
}

/** It runs, or is to run: what a provider that comes back would have to start again. */
export function isWanted({ state, life }: Standing): boolean {
  return isPending(state) || (hasProcess(state) && (life.again || !life.requested));
}

function standing(snapshot: Snapshot): Standing {
  return { state: snapshot.value, life: snapshot.context, snapshot };
}
