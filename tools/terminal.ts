// The terminal that a command was started on, which may be closed before the command has ended.
import { closeSync } from "node:fs";
import { isatty } from "node:tty";

/** Descriptors that were a terminal at the start. A command started by nohup, or as a service, has none. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd));

export const startedOnTerminal = terminals.length > 0;

/** Whether this command was started on a terminal that has been closed since. */
export function isTerminalGone(): boolean {
  return startedOnTerminal && !terminals.some((fd) => isatty(fd));
}

/** At its end Node restores the settings of its terminal, and aborts if that is gone. It leaves closed descriptors alone. */
export function closeLostTerminal(): void {
  if (!isTerminalGone()) return;
  for (const fd of terminals) closeSync(fd);
}
