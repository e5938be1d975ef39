// What the state table of a task service does with an event: the effects that it names, what it notes about the run, and
// the conditions that it asks for. Pure.
import { setup } from "xstate";
import type { TriggerEvent } from "../../config/context-config.ts";
import {
  type Effect,
  type EndEvent,
  type Ending,
  endingOf,
  failureOf,
  type Life,
  type LifecycleEvent,
  NEW_RUN,
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

export const table = effects.extend({
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

export function fire<Event extends TriggerEvent>(event: Event) {
  return { type: "fire", params: ({ context }: { context: Life }) => ({ event, run: context.run }) } as const;
}

export function disarm(timer: TimerName) {
  return { type: "disarm", params: { timer } } as const;
}
