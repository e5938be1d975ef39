// Decides what a SIGHUP means to a provider: that its terminal is gone, so that it leaves, or that it is to read its file
// again. Pure.

/** `look again`: after a shell has had time to let go of the terminal, which it does only after it has passed SIGHUP on. */
export type HangupMeaning = "leave" | "reload" | "look again";

/**
 * @param look.startedOnTerminal - False under nohup, as a service, and in a container without one.
 * @param look.isTerminalGone - Of the terminal that it was started on.
 * @param look.isSecond - Whether this is the look after the first one.
 */
export function meaningOfHangup(look: {
  startedOnTerminal: boolean;
  isTerminalGone: boolean;
  isSecond: boolean;
}): HangupMeaning {
  if (look.startedOnTerminal && look.isTerminalGone) return "leave";
  return look.startedOnTerminal && !look.isSecond ? "look again" : "reload";
}
