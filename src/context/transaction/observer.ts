// Observers of a provider, such as the dashboard and the history: told what happens to the tasks; they change nothing.
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

/** A trigger has fired; it calls no task where it ends the transaction. */
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

/** Several as one: each is told, whatever happens to the others; the first error is thrown then. */
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
  const errors: unknown[] = [];
  for (const one of observers) unfailing(tell, (error) => errors.push(error))(one);
  if (errors.length > 0) throw errors[0];
}

/** An observer may throw; supervision goes on. */
export function harmless(observer: ProviderObserver, onThrow: (error: unknown) => void): ProviderObserver {
  return {
    moved: unfailing(observer.moved, onThrow),
    triggered: unfailing(observer.triggered, onThrow),
    output: unfailing(observer.output, onThrow),
    changed: unfailing(observer.changed, onThrow),
    forwarder: unfailing(observer.forwarder, onThrow),
  };
}
