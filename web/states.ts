// How the page shows the state of a task: a word, a tone, and a symbol for readers who can't tell the tones apart. Pure.
import { isTaskState, type TaskState, wordsFor } from "../src/protocol/task-state.ts";

export type Tone = "good" | "busy" | "wait" | "bad" | "done" | "idle";

interface Look {
  tone: Tone;
  /** A path in a square of 16. */
  symbol: string;
}

const LOOKS: Record<TaskState, Look> = {
  running: { tone: "good", symbol: "M4 2.5l9 5.5-9 5.5z" },
  starting: { tone: "busy", symbol: "M8 2l5.5 6.5H10V14H6V8.5H2.5z" },
  stopping: { tone: "busy", symbol: "M8 14L2.5 7.5H6V2h4v5.5h3.5z" },
  blocked: { tone: "wait", symbol: "M3.5 3h3.5v10H3.5zM9 3h3.5v10H9z" },
  backingOff: { tone: "wait", symbol: "M3.5 2h9v1.8L9.3 8l3.2 4.2V14h-9v-1.8L6.7 8 3.5 3.8z" },
  unready: { tone: "bad", symbol: "M6.8 2h2.4l-.3 7.5H7.1zM6.8 11.2h2.4v2.6H6.8z" },
  unresponsive: {
    tone: "bad",
    symbol: "M1 7.2h3L6.5 2l3 8 1.5-2.8h4v1.8h-3L9.3 14 6.3 6 5 8.9H1z",
  },
  stuck: { tone: "bad", symbol: "M4.5 7V5a3.5 3.5 0 0 1 7 0v2H13v7H3V7zm2 0h3V5a1.5 1.5 0 0 0-3 0z" },
  failed: {
    tone: "bad",
    symbol: "M4.1 2.5L8 6.4l3.9-3.9 1.6 1.6L9.6 8l3.9 3.9-1.6 1.6L8 9.6l-3.9 3.9-1.6-1.6L6.4 8 2.5 4.1z",
  },
  exited: { tone: "done", symbol: "M6.3 13L1.5 8.3l1.7-1.7 3.1 3 6.5-6.5 1.7 1.7z" },
  stopped: { tone: "idle", symbol: "M3.5 3.5h9v9h-9z" },
  defined: {
    tone: "idle",
    symbol: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zm0 2a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z",
  },
};

const UNKNOWN: Look = { tone: "idle", symbol: "M3 7h10v2H3z" };

/** A word that is no state of this version is shown as it is. */
export function lookOf(state: string): Look & { word: string } {
  return { ...(isTaskState(state) ? LOOKS[state] : UNKNOWN), word: wordsFor(state) };
}
