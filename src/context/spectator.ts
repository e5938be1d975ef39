// Whoever looks on while a provider runs: is told what happens to the tasks, and changes nothing.
import type { TriggerAction, TriggerEvent } from "../config/context-config.ts";
import type { OutputStream } from "../launch/child.ts";
import { unfailing } from "../unfailing.ts";
import type { Moved } from "./journal-records.ts";

export interface Spectator {
  /** A task went from one state to another; `reason` says why it stands there, where that is not as it should be. */
  moved(moved: Moved & { reason?: string | undefined }): void;
  triggered(trigger: Triggered): void;
  output(output: { transaction: string; task: string; stream: OutputStream; line: string }): void;
  /** What is known of a transaction may have changed, or it is over. */
  changed(): void;
  /** The forwarder has been lost, or is back. */
  forwarder(isThere: boolean): void;
}

/** A trigger has fired; it calls nobody where it ends the transaction. */
export interface Triggered {
  transaction: string;
  task: string;
  event: TriggerEvent;
  action: TriggerAction;
  call: readonly string[];
}

const nothing = () => {};

/** Nobody looks on. */
export const nobody: Spectator = {
  moved: nothing,
  triggered: nothing,
  output: nothing,
  changed: nothing,
  forwarder: nothing,
};

/** Several as one: each is told, whatever happens to the others; the first that stumbles is heard of. */
export function together(spectators: readonly Spectator[]): Spectator {
  return {
    moved: (moved) => tellAll(spectators, (one) => one.moved(moved)),
    triggered: (trigger) => tellAll(spectators, (one) => one.triggered(trigger)),
    output: (output) => tellAll(spectators, (one) => one.output(output)),
    changed: () => tellAll(spectators, (one) => one.changed()),
    forwarder: (isThere) => tellAll(spectators, (one) => one.forwarder(isThere)),
  };
}

function tellAll(spectators: readonly Spectator[], tell: (one: Spectator) => void): void {
  const stumbles: unknown[] = [];
  for (const one of spectators) unfailing(tell, (error) => stumbles.push(error))(one);
  if (stumbles.length > 0) throw stumbles[0];
}

/** Whoever looks on may stumble; supervision goes on. */
export function harmless(spectator: Spectator, onStumble: (error: unknown) => void): Spectator {
  return {
    moved: unfailing(spectator.moved, onStumble),
    triggered: unfailing(spectator.triggered, onStumble),
    output: unfailing(spectator.output, onStumble),
    changed: unfailing(spectator.changed, onStumble),
    forwarder: unfailing(spectator.forwarder, onStumble),
  };
}
