import type { Effect, LifecycleEvent } from "../../../../src/context/task/life.ts";
import { advance, initialStanding, type Standing } from "../../../../src/context/task/lifecycle.ts";

/** How long a start is held back here, in milliseconds. */
export const HELD_BACK_MS = 500;

/** The events of a life, one word each, so that a test reads as a story. */
export const EVENTS = {
  define: { type: "define" },
  start: { type: "start", delayMs: 0 },
  startLater: { type: "start", delayMs: HELD_BACK_MS },
  restart: { type: "restart", delayMs: 0 },
  restartLater: { type: "restart", delayMs: HELD_BACK_MS },
  stop: { type: "stop" },
  spawned: { type: "spawned", pid: 4312 },
  spawnFailed: { type: "spawnFailed", reason: "no such service" },
  end: { type: "exit", clean: true, reason: "the process ended with code 0" },
  crash: { type: "exit", clean: false, reason: "the process was ended by SIGSEGV" },
  started: { type: "started" },
  unfit: { type: "unfit", reason: "no default export" },
  updated: { type: "updated" },
  failed: { type: "failed", reason: "the disk is full" },
  exited: { type: "exited" },
  stopped: { type: "stopped" },
  ending: { type: "ending", reason: undefined },
  failing: { type: "ending", reason: "the disk is full" },
  stopSoon: { type: "stopSoon" },
  needsOther: { type: "dependencies", missing: [{ id: "ts_1", state: "starting" }] },
  needsNobody: { type: "dependencies", missing: [] },
  spawnFailedAndBack: { type: "spawnFailed", reason: "no memory", backMs: HELD_BACK_MS },
  endAndBack: { type: "exit", clean: true, reason: "the process ended with code 0", backMs: HELD_BACK_MS },
  crashAndBack: { type: "exit", clean: false, reason: "the process was ended by SIGSEGV", backMs: HELD_BACK_MS },
  lingers: { type: "lingers" },
  stuck: { type: "stuck", reason: "pid 4312 (sh): in state D" },
  startedButProbed: { type: "started", isProbed: true },
  ready: { type: "ready" },
  readyLate: { type: "readyLate", reason: "not ready within 30 s" },
  silent: { type: "silent", reason: "no heartbeat for 5 s" },
  tooLarge: { type: "tooLarge", reason: "its processes hold 300 MiB, more than 200 MiB" },
  killDue: { type: "killDue" },
  backoffOver: { type: "backoffOver" },
  givenUp: { type: "givenUp", refusal: "it has ended more than 5 times within 60 s" },
} as const satisfies Record<string, LifecycleEvent>;

export type Word = keyof typeof EVENTS;

export const WORDS = Object.keys(EVENTS) as Word[];

/** An effect in words, its main parameter included. */
export type EffectWords = ReturnType<typeof inWords>;

export function inWords(effect: Effect) {
  switch (effect.type) {
    case "announce":
      return `announce ${effect.word}` as const;
    case "fire":
      return `fire ${effect.event}` as const;
    case "disarm":
      return `disarm ${effect.timer}` as const;
    default:
      return effect.type;
  }
}

/** A task service that has lived through this, and the effects of each word. */
export function lifeAfter(...words: Word[]): { standing: Standing; effects: Effect[][] } {
  let standing = initialStanding();
  const effects = words.map((word) => {
    const [next, asked] = advance(standing, EVENTS[word]);
    standing = next;
    return asked;
  });
  return { standing, effects };
}

export function stateAfter(...words: Word[]): Standing["state"] {
  return lifeAfter(...words).standing.state;
}

/** What the last word of the story asks for. */
export function effectsOfLast(...words: Word[]): EffectWords[] {
  return (lifeAfter(...words).effects.at(-1) ?? []).map(inWords);
}

/** How often the whole story asks for an effect. */
export function countOf(effect: EffectWords, ...words: Word[]): number {
  return lifeAfter(...words)
    .effects.flat()
    .filter((asked) => inWords(asked) === effect).length;
}
