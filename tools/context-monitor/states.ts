// How the states of a task look: a symbol, so that they can be told apart without colour, and a colour. Pure.
import type { styleText } from "node:util";

export type Style = Extract<Parameters<typeof styleText>[0], string>;

interface Look {
  symbol: string;
  ascii: string;
  style: Style;
}

/** From what needs somebody to what needs nobody: the order in which states are sorted and counted. */
const LOOKS: { readonly [state: string]: Look } = {
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

export const STATES = Object.keys(LOOKS);

export function styleOf(state: string): Style {
  return lookOf(state).style;
}

/** `● running`. */
export function stateText(state: string, isUnicode: boolean): string {
  const { symbol, ascii } = lookOf(state);
  return `${isUnicode ? symbol : ascii} ${state || "unknown"}`;
}

/** Smaller is worse. */
export function severityOf(state: string): number {
  const index = STATES.indexOf(state);
  return index === -1 ? STATES.length : index;
}

function lookOf(state: string): Look {
  return Object.hasOwn(LOOKS, state) ? (LOOKS[state] as Look) : UNKNOWN;
}
