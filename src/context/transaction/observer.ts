// Whoever looks on while a provider runs: is told what happens to the tasks, and changes nothing.
import type { TriggerAction, TriggerEvent } from "../../config/context-config.ts";
import type { OutputStream } from "../../launch/child.ts";
import type { Transition } from "../../protocol/transition.ts";
import { unfailing } from "../../unfailing.ts";

export interface ProviderObserver {
  /** A task went from one state to another. */
  moved(transition: Transition): void;
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

/** Ignores everything. */
export const ignoring: ProviderObserver = {
  moved: nothing,
  triggered: nothing,
  output: nothing,
  changed: nothing,
  forwarder: nothing,
};

/** Several as one: each is told, whatever happens to the others; the first that stumbles is heard of. */
export function together(observers: readonly ProviderObserver[]): ProviderObserver {
  return {
    moved: (moved) => tellAll(observers, (one) => one.moved(moved)),
    triggered: (trigger) => tellAll(observers, (one) => one.triggered(trigger)),
    output: (output) => tellAll(observers, (one) => one.output(output)),
    changed: () => tellAll(observers, (one) => one.changed()),
    forwarder: (isThere) => tellAll(observers, (one) => one.forwarder(isThere)),
  };
}

function tellAll(observers: readonly ProviderObserver[], tell: (one: ProviderObserver) => void): void {
  const stumbles: unknown[] = [];
  for (const one of observers) unfailing(tell, (error) => stumbles.push(error))(one);
  if (stumbles.length > 0) throw stumbles[0];
}

/** Whoever looks on may stumble; supervision goes on. */
export function harmless(observer: ProviderObserver, onStumble: (error: unknown) => void): ProviderObserver {
  return {
    moved: unfailing(observer.moved, onStumble),
    triggered: unfailing(observer.triggered, onStumble),
    output: unfailing(observer.output, onStumble),
    changed: unfailing(observer.changed, onStumble),
    forwarder: unfailing(observer.forwarder, onStumble),
  };
}
