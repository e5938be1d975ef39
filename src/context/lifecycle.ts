// The life of one task service as a state table. It names effects and performs none: the supervisor does, and what
// becomes of them comes back as events. What is wanted (`again`, `requested`) is kept apart from what is (the state),
// so a stop always wins over a pending start. Only `starting` spawns, and a state with a live process leads there by
// its `exit` alone: never two processes of one task.
import { assign, enqueueActions, initialTransition, type SnapshotFrom, setup, transition } from "xstate";

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
  /** How long a triggered start is held back, in milliseconds. */
  delayMs: number;
  /** Why the run counts as failed; on_fail has fired. */
  reason: string | undefined;
  /** The task itself has announced its failure. */
  saidFailed: boolean;
  /** The task itself has announced its end. */
  saidEnded: boolean;
}

export type LifecycleEvent =
  /** Commands. */
  | { type: "define" }
  | { type: "start"; delayMs: number }
  | { type: "restart"; delayMs: number }
  | { type: "stop" }
  /** What the operating system says. */
  | { type: "spawned"; pid: number }
  | { type: "spawnFailed"; reason: string }
  | { type: "exit"; clean: boolean; reason: string }
  /** What the task says; `unfit` is its `started` with the result `failure`. */
  | { type: "started" }
  | { type: "unfit"; reason: string }
  | { type: "updated" }
  | { type: "failed"; reason: string }
  | { type: "exited" }
  | { type: "stopped" }
  /** What a timer says; `readyDue` is for a process that has lived long enough to count as started. */
  | { type: "readyDue" }
  | { type: "terminateDue" }
  | { type: "killDue" }
  | { type: "backoffOver" };

const nothing = () => {};

/** Work the table asks for, by name; the supervisor performs it. */
const effects = {
  spawn: nothing,
  askToStop: nothing,
  terminate: nothing,
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
    noteReason: assign(({ event }) => ("reason" in event ? { reason: event.reason } : {})),
    noteStop: assign({ requested: true, again: false }),
    noteRestart: assign({ requested: true, again: true }),
    noteAgain: assign({ again: true }),
    noteSaidFailed: assign({ saidFailed: true }),
    noteSaidEnded: assign({ saidEnded: true }),
    // The provider speaks for a task that could not speak for itself.
    announceEnd: enqueueActions(({ context, enqueue }) => {
      if (!context.saidEnded) enqueue("sayStopped");
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
    isClean: ({ event }) => "clean" in event && event.clean,
    isWantedLater: ({ context }) => context.again && context.delayMs > 0,
    isWantedAgain: ({ context }) => context.again,
    isRequested: ({ context }) => context.requested,
    hasFailed: ({ context }) => context.reason !== undefined,
    hasEnded: ({ context }) => context.saidEnded,
  },
});

const begin = [{ guard: "isHeldBack", target: "backingOff", actions: "noteDelay" }, { target: "starting" }] as const;

const alive = {
  spawned: { actions: "notePid" },
  updated: { actions: "fireOnUpdate" },
  failed: [
    { guard: "hasFailed", actions: "noteSaidFailed" },
    { actions: ["noteReason", "noteSaidFailed", "fireOnFail"] },
  ],
  unfit: [
    { guard: "hasFailed", target: "stopping", actions: "askToStop" },
    { target: "stopping", actions: ["noteReason", "askToStop", "fireOnFail"] },
  ],
  exited: [{ guard: "hasFailed" }, { guard: "hasEnded" }, { actions: ["noteSaidEnded", "fireOnExit"] }],
  stopped: [
    { guard: "hasFailed", target: "stopping", actions: "noteSaidEnded" },
    { guard: "hasEnded", target: "stopping" },
    { target: "stopping", actions: ["noteSaidEnded", "fireOnExit"] },
  ],
  stop: { target: "stopping", actions: ["noteStop", "askToStop"] },
  restart: { target: "stopping", actions: ["noteRestart", "noteDelay", "askToStop"] },
  // A bus message is no proof: the task may count as running by somebody's word, and there never was a process.
  spawnFailed: [
    { guard: "hasFailed", target: "failed" },
    { target: "failed", actions: ["noteReason", "fireOnFail"] },
  ],
  exit: [
    { guard: "hasFailed", target: "failed" },
    { guard: "hasEnded", target: "exited" },
    { guard: "isClean", target: "exited", actions: "fireOnExit" },
    { target: "failed", actions: ["noteReason", "fireOnFail"] },
  ],
} as const;

const gone = [
  { guard: "isWantedLater", target: "backingOff", actions: "announceGone" },
  { guard: "isWantedAgain", target: "starting", actions: "announceGone" },
  { guard: "isRequested", target: "stopped" },
  { guard: "hasFailed", target: "failed" },
  { target: "exited" },
] as const;

const lifecycle = table.createMachine({
  id: "taskService",
  context: { run: 0, ...newRun },
  initial: "defined",
  states: {
    // On demand: nothing runs until a trigger or a start asks.
    defined: {
      on: {
        define: { actions: "sayCreated" },
        start: begin,
        restart: begin,
        stop: "stopped",
      },
    },
    // Its triggers ran away: the next start waits its turn.
    backingOff: {
      entry: "armBackoff",
      exit: "disarmBackoff",
      on: {
        start: [{ guard: "isHeldBack" }, { target: "starting" }],
        restart: [{ guard: "isHeldBack" }, { target: "starting" }],
        backoffOver: "starting",
        stop: "stopped",
      },
    },
    starting: {
      entry: ["beginRun", "spawn"],
      exit: "disarmReady",
      on: {
        ...alive,
        spawned: { actions: ["notePid", "armReady"] },
        readyDue: { target: "running", actions: ["sayStarted", "fireOnStart"] },
        started: { target: "running", actions: "fireOnStart" },
      },
    },
    running: { on: alive },
    stopping: {
      entry: "armGrace",
      exit: "disarmGrace",
      on: {
        spawned: { actions: "notePid" },
        stopped: { actions: "noteSaidEnded" },
        failed: [
          { guard: "isRequested", actions: "noteSaidFailed" },
          { guard: "hasFailed", actions: "noteSaidFailed" },
          { actions: ["noteReason", "noteSaidFailed", "fireOnFail"] },
        ],
        start: { actions: ["noteAgain", "noteDelay"] },
        restart: { actions: ["noteAgain", "noteDelay"] },
        stop: { actions: "noteStop" },
        terminateDue: { actions: "terminate" },
        killDue: { actions: "kill" },
        spawnFailed: gone,
        exit: gone,
      },
    },
    stopped: { entry: "announceEnd", on: { start: begin, restart: begin } },
    exited: { entry: "announceEnd", on: { start: begin, restart: begin } },
    failed: { entry: "announceFailure", on: { start: begin, restart: begin } },
  },
});

type Snapshot = SnapshotFrom<typeof lifecycle>;

export type LifecycleState = Snapshot["value"];

/** Where one task service stands. A value: keep it, compare it, never change it. */
export interface Standing {
  readonly state: LifecycleState;
  readonly life: Readonly<Life>;
  /** @internal The table's own record. */
  readonly snapshot: Snapshot;
}

/** A task service that has never run. */
export function newborn(): Standing {
  return standing(initialTransition(lifecycle)[0]);
}

/** What an event makes of a task service, and the effects to perform, in their order. Pure. */
export function follow({ snapshot }: Standing, event: LifecycleEvent): [Standing, Effect[]] {
  const [next, actions] = transition(lifecycle, snapshot, event);
  return [standing(next), actions.map(({ type }) => type as Effect)];
}

/** A process of the task may live. */
export function isAlive(state: LifecycleState): boolean {
  return state === "starting" || state === "running" || state === "stopping";
}

/** Nothing is under way: only a command or a trigger changes this state. */
export function isAtRest(state: LifecycleState): boolean {
  return !isAlive(state) && state !== "backingOff";
}

function standing(snapshot: Snapshot): Standing {
  return { state: snapshot.value, life: snapshot.context, snapshot };
}
