// The life of one task service as a state table. It names effects and performs none: the supervisor does, and what
// becomes of them comes back as events. What is wanted (`again`, `requested`) is kept apart from what is (the state),
// so a stop always wins over a pending start. Only `starting` spawns, and a state with a live process leads there by
// its end alone: never two processes of one task. `exit` means that the process table shows no process of it any more.
// Pure.
import { initialTransition, type SnapshotFrom, setup, transition } from "xstate";
import type { TriggerEvent } from "../../config/context-config.ts";
import { hasProcess, isAtRest, isPending, type TaskState } from "../../protocol/task-state.ts";
import {
  type Effect,
  type EndEvent,
  type Ending,
  endingOf,
  failureOf,
  type Life,
  type LifecycleEvent,
  NEW_RUN,
  type Past,
  type ProxyWord,
  type TimerName,
} from "./life.ts";

type Parameters<Type extends Effect["type"]> = Omit<Extract<Effect, { type: Type }>, "type">;

/** Effects are named here, and performed by the supervisor. */
const effects = setup({
  types: {} as { context: Life; events: LifecycleEvent },
  actions: {
    spawn: () => {},
    askToStop: () => {},
    kill: () => {},
    awaitReady: () => {},
    awaitEnd: () => {},
    backOff: (_, _parameters: Parameters<"backOff">) => {},
    disarm: (_, _parameters: Parameters<"disarm">) => {},
    announce: (_, _parameters: Parameters<"announce">) => {},
    fire: (_, _parameters: Parameters<"fire">) => {},
  },
});

const table = effects.extend({
  actions: {
    beginRun: effects.assign(({ context }) => ({ ...NEW_RUN, run: context.run + 1 })),
    notePid: effects.assign(({ event }) => ("pid" in event ? { pid: event.pid } : {})),
    noteDelay: effects.assign(({ event }) => ("delayMs" in event ? { delayMs: event.delayMs } : {})),
    noteMissing: effects.assign(({ event }) => ("missing" in event ? { missing: event.missing } : {})),
    noteReason: effects.assign(({ event, context }) =>
      "reason" in event ? { reason: context.fault ?? event.reason } : {},
    ),
    noteRefusal: effects.assign(({ event }) => ("refusal" in event ? { refusal: event.refusal } : {})),
    noteFault: effects.assign(({ event }) => ("reason" in event ? { fault: event.reason } : {})),
    noteEnding: effects.assign(({ event, context: { fault } }) =>
      event.type === "ending" ? { fault: fault ?? event.reason, endsWell: event.reason === undefined } : {},
    ),
    noteStuck: effects.assign(({ event }) => ("reason" in event ? { stuck: event.reason } : {})),
    noteStop: effects.assign({ requested: true, again: false }),
    noteRestart: effects.assign({ requested: true, again: true }),
    noteAgain: effects.assign({ again: true }),
    noteSaidStarted: effects.assign({ saidStarted: true }),
    noteSaidFailed: effects.assign({ saidFailed: true }),
    noteSaidEnded: effects.assign({ saidEnded: true }),
    // The provider speaks for a task that has not spoken for itself.
    announceStart: effects.enqueueActions(({ context, enqueue }) => {
      if (!context.saidStarted) enqueue({ type: "announce", params: wordsOf(context, "started") });
    }),
    // It is known only now that no restart follows.
    announceRefusal: effects.enqueueActions(({ context, enqueue }) =>
      enqueue({ type: "announce", params: wordsOf(context, "failed") }),
    ),
    // Keeps how the run has ended, announces it, and fires what follows from it.
    conclude: effects.enqueueActions(({ context, event, enqueue }) => {
      if (!isEnd(event)) return;
      const { reason, delayMs, fires } = endingOf(context, event);
      const life = { ...context, reason, delayMs, refusal: event.refusal };
      enqueue.assign(life);
      const word = lastWordOf(life);
      if (word !== undefined) enqueue({ type: "announce", params: wordsOf(life, word) });
      if (fires !== undefined) enqueue({ type: "fire", params: { event: fires, run: life.run } });
    }),
  },
  guards: {
    isHeldBack: ({ event }) => "delayMs" in event && event.delayMs > 0,
    isRequested: ({ context }) => context.requested,
    isComplete: ({ context }) => context.missing.length === 0,
    isProbed: ({ event }) => event.type === "started" && event.isProbed === true,
    hasFailed: ({ context }) => context.reason !== undefined,
    /** The task has announced its end, and the provider has found no fault with it. */
    hasEnded: ({ context }) => context.saidEnded && context.fault === undefined,
    /** The run has ended, and this is what follows. */
    leadsTo: ({ context, event }, { next }: Pick<Ending, "next">) =>
      isEnd(event) && endingOf(context, event).next === next,
  },
});

function isEnd(event: LifecycleEvent): event is EndEvent {
  return event.type === "exit" || event.type === "spawnFailed";
}

// One word tells that no process of a run is left: `failed` where its failure is news, else `stopped`. None where a
// program has announced its end itself.
function lastWordOf({ reason, requested, saidFailed, saidEnded }: Life): "failed" | "stopped" | undefined {
  if (reason !== undefined && !requested && !saidFailed) return "failed";
  return saidEnded ? undefined : "stopped";
}

// The original gives no pid where a task has ended by itself.
function wordsOf(life: Life, word: ProxyWord): Parameters<"announce"> {
  const pid = word === "stopped" && !life.requested ? undefined : life.pid;
  const reason = word === "failed" ? failureOf(life) : undefined;
  return { word, ...(pid === undefined ? {} : { pid }), ...(reason === undefined ? {} : { reason }) };
}

function fire<Event extends TriggerEvent>(event: Event) {
  return { type: "fire", params: ({ context }: { context: Life }) => ({ event, run: context.run }) } as const;
}

function disarm(timer: TimerName) {
  return { type: "disarm", params: { timer } } as const;
}

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
    exited: { on: { ...atRest, givenUp: { target: "failed", actions: ["noteRefusal", "announceRefusal"] } } },
    failed: { on: { ...atRest, givenUp: { actions: "noteRefusal" } } },
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
