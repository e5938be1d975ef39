// The life of one task service as a state table. It names effects and performs none: the supervisor does, and what
// becomes of them comes back as events. What is wanted (`again`, `requested`) is kept apart from what is (the state),
// so a stop always wins over a pending start. Only `starting` spawns, and a state with a live process leads there by
// its end alone: never two processes of one task. `exit` means that the process table shows no process of it any more.
// Pure.
import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { hasProcess, isAtRest, isPending, type TaskState } from "../../protocol/task-state.ts";
import { type Effect, type Ending, type Life, type LifecycleEvent, NEW_RUN, type Past } from "./life.ts";
import { disarm, fire, table } from "./lifecycle-actions.ts";

const fireOnStart = fire("on_start");
const fireOnUpdate = fire("on_update");
const fireOnFail = fire("on_fail");
const fireOnExit = fire("on_exit");

// What was to run is not: there is no run whose end could be announced.
const cancelled = { target: "stopped", actions: { type: "announce", params: { word: "stopped" } } } as const;

const begin = [{ guard: "isHeldBack", target: "backingOff", actions: "noteDelay" }, { target: "blocked" }] as const;

function leadsTo<Next extends Ending["next"]>(next: Next) {
  return { type: "leadsTo", params: { next } } as const;
}

// No process of it lives any more: one function says what follows.
const gone = [
  { guard: leadsTo("backingOff"), target: "backingOff", actions: "conclude" },
  { guard: leadsTo("blocked"), target: "blocked", actions: "conclude" },
  { guard: leadsTo("stopped"), target: "stopped", actions: "conclude" },
  { guard: leadsTo("exited"), target: "exited", actions: "conclude" },
  { target: "failed", actions: "conclude" },
] as const;

const alive = {
  spawned: { actions: "notePid" },
  dependencies: { actions: "noteMissing" },
  updated: [{ guard: "isRequested" }, { actions: fireOnUpdate }],
  failed: [
    { guard: "isRequested", actions: "noteSaidFailed" },
    { guard: "hasFailed", actions: "noteSaidFailed" },
    { actions: ["noteReason", "noteSaidFailed", fireOnFail] },
  ],
  unfit: [
    { guard: "isRequested", target: "stopping", actions: "askToStop" },
    { guard: "hasFailed", target: "stopping", actions: "askToStop" },
    { target: "stopping", actions: ["noteReason", "askToStop", fireOnFail] },
  ],
  exited: [
    { guard: "isRequested" },
    { guard: "hasFailed" },
    { guard: "hasEnded" },
    { actions: ["noteSaidEnded", fireOnExit] },
  ],
  stopped: [
    { guard: "isRequested", target: "stopping", actions: "noteSaidEnded" },
    { guard: "hasFailed", target: "stopping", actions: "noteSaidEnded" },
    { guard: "hasEnded", target: "stopping" },
    { target: "stopping", actions: ["noteSaidEnded", fireOnExit] },
  ],
  ending: [
    { guard: "isRequested", target: "stopping" },
    { target: "stopping", actions: "noteEnding" },
  ],
  silent: { target: "unresponsive", actions: ["noteFault", "askToStop"] },
  tooLarge: { target: "stopping", actions: ["noteFault", "askToStop"] },
  // It is to stop as soon as others have, and to run again then.
  start: { guard: "isRequested", actions: ["noteAgain", "noteDelay"] },
  stopSoon: { actions: "noteStop" },
  stop: { target: "stopping", actions: ["noteStop", "askToStop"] },
  restart: { target: "stopping", actions: ["noteRestart", "noteDelay", "askToStop"] },
  lingers: "stopping",
  stuck: { target: "stuck", actions: "noteStuck" },
  // A message is no proof: the task may count as running by what a peer has said, and there never was a process.
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
    { actions: ["noteReason", "noteSaidFailed", fireOnFail] },
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

const atRest = {
  define: { target: "defined", actions: { type: "announce", params: { word: "created" } } },
  start: begin,
  restart: begin,
  dependencies: { actions: "noteMissing" },
} as const;

const lifecycle = table.createMachine({
  id: "taskService",
  context: { run: 0, missing: [], ...NEW_RUN },
  initial: "defined",
  states: {
    // On demand: nothing runs until a trigger or a start asks.
    defined: {
      on: {
        ...atRest,
        stop: cancelled,
      },
    },
    // The next start is held back: its triggers start it too often, or a restart waits for its backoff.
    backingOff: {
      entry: { type: "backOff", params: ({ context }) => ({ delayMs: context.delayMs }) },
      exit: disarm("backoff"),
      on: {
        dependencies: { actions: "noteMissing" },
        start: [{ guard: "isHeldBack" }, { target: "blocked" }],
        restart: [{ guard: "isHeldBack" }, { target: "blocked" }],
        backoffOver: "blocked",
        stopSoon: cancelled,
        stop: cancelled,
      },
    },
    // Wanted, and waits for the tasks it depends on. One without dependencies passes through.
    blocked: {
      always: { guard: "isComplete", target: "starting" },
      on: { dependencies: { actions: "noteMissing" }, stopSoon: cancelled, stop: cancelled },
    },
    starting: {
      entry: ["beginRun", "spawn"],
      exit: disarm("ready"),
      on: {
        ...alive,
        spawned: { actions: ["notePid", "awaitReady"] },
        ready: [
          { guard: "isRequested", target: "running", actions: "announceStart" },
          { target: "running", actions: ["announceStart", fireOnStart] },
        ],
        readyLate: { target: "unready", actions: ["noteFault", "askToStop"] },
        started: [
          { guard: "isProbed", actions: "noteSaidStarted" },
          { guard: "isRequested", target: "running", actions: "noteSaidStarted" },
          { target: "running", actions: ["noteSaidStarted", fireOnStart] },
        ],
      },
    },
    running: { on: alive },
    stopping: { entry: "awaitEnd", exit: disarm("grace"), on: leaving },
    // It has not become ready in time.
    unready: { entry: "awaitEnd", exit: disarm("grace"), on: leaving },
    // Its event loop gives no sign of life.
    unresponsive: { entry: "awaitEnd", exit: disarm("grace"), on: leaving },
    // Not even SIGKILL has ended it; that is tried again, and no other task waits for it.
    stuck: { on: { ...leaving, stuck: { actions: "noteStuck" } } },
    stopped: { on: atRest },
    exited: {
      on: {
        ...atRest,
        unschedule: cancelled,
        givenUp: { target: "failed", actions: ["noteRefusal", "announceRefusal"] },
      },
    },
    failed: { on: { ...atRest, unschedule: cancelled, givenUp: { actions: "noteRefusal" } } },
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
export function initialStanding(): Standing {
  return standing(initialTransition(lifecycle)[0]);
}

/** A task service whose earlier runs are known from before the provider started; it is at rest. */
export function restoredStanding({ state, runs, reason }: Pick<Past, "state" | "runs" | "reason">): Standing {
  const context = { run: runs, missing: [], ...NEW_RUN, reason: state === "failed" ? reason : undefined };
  return standing(lifecycle.resolveState({ value: isAtRest(state) ? state : "stopped", context }) as Snapshot);
}

/** What an event makes of a task service, and the effects to perform, in their order. Pure. */
export function advance({ snapshot }: Standing, event: LifecycleEvent): [Standing, Effect[]] {
  const [next, actions] = transition(lifecycle, snapshot, event);
  return [standing(next), actions.map(({ type, params }) => ({ type, ...(params as object) }) as Effect)];
}

/** It runs, or is to run: what a provider that comes back would have to start again. */
export function isWanted({ state, life }: Standing): boolean {
  return isPending(state) || (hasProcess(state) && (life.again || !life.requested));
}

function standing(snapshot: Snapshot): Standing {
  return { state: snapshot.value, life: snapshot.context, snapshot };
}
