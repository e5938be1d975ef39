// How the terminal shows the state of a task: a symbol, which tells states apart without colour, a colour, and words.
// Pure.
import type { styleText } from "node:util";
import {
  hasProcess,
  isPending,
  isTaskState,
  isTrouble,
  type TaskState,
  wordsFor,
} from "../../../src/protocol/task-state.ts";

export type Style = Extract<Parameters<typeof styleText>[0], string>;

interface Look {
  symbol: string;
  ascii: string;
  style: Style;
}

/** The worst first: the order in which states are sorted and counted. */
const LOOKS: Readonly<Record<TaskState, Look>> = {
  stuck: { symbol: "‼", ascii: "!", style: "red" },
  failed: { symbol: "✗", ascii: "x", style: "red" },
  unresponsive: { symbol: "!", ascii: "!", style: "red" },
  unready: { symbol: "!", ascii: "!", style: "red" },
  backingOff: { symbol: "↻", ascii: "~", style: "yellow" },
  blocked: { symbol: "◌", ascii: "?", style: "yellow" },
  starting: { symbol: "◐", ascii: ">", style: "cyan" },
  stopping: { symbol: "◑", ascii: "<", style: "cyan" },
  running: { symbol: "●", ascii: "*", style: "green" },
  defined: { symbol: "○", ascii: "o", style: "gray" },
  stopped: { symbol: "■", ascii: "-", style: "gray" },
  exited: { symbol: "✓", ascii: "+", style: "gray" },
};

const UNKNOWN: Look = { symbol: "·", ascii: ".", style: "gray" };

export const STATES_BY_SEVERITY = Object.keys(LOOKS) as readonly TaskState[];

export function styleOf(state: string): Style {
  return lookOf(state).style;
}

/** `● running`. */
export function stateText(state: string, isUnicode: boolean): string {
  const { symbol, ascii } = lookOf(state);
  return `${isUnicode ? symbol : ascii} ${wordsFor(state) || "unknown"}`;
}

/** Smaller is worse. */
export function severityOf(state: string): number {
  return isTaskState(state) ? STATES_BY_SEVERITY.indexOf(state) : STATES_BY_SEVERITY.length;
}

function lookOf(state: string): Look {
  return isTaskState(state) ? LOOKS[state] : UNKNOWN;
}

// Frames and files may hold any word; one that is no state of this version has none of the following properties.

/** A process of the task may live. */
export function mayHaveProcess(state: string): boolean {
  return isTaskState(state) && hasProcess(state);
}

/** A process of the task lives, or one is to follow by itself. */
export function isUnderWay(state: string): boolean {
  return isTaskState(state) && (hasProcess(state) || isPending(state));
}

/** It is not as it should be, or not yet: there is a reason to show. */
export function needsReason(state: string): boolean {
  return isTaskState(state) && (isTrouble(state) || isPending(state));
}
