// What an observer of a provider is told, such as the dashboard and the history. Observers change nothing.
import type { ContextConfig, TriggerAction, TriggerEvent } from "../../config/context-config.ts";
import type { MoveDetail } from "../../explain/facts.ts";
import type { OutputStream } from "../../launch/process/running-program.ts";
import type { PrintedLine } from "../../protocol/printed-lines.ts";
import type { Transition } from "../../protocol/transition.ts";
import { unfailing } from "../../unfailing.ts";

export type ProviderEvent =
  /** A task went from one state to another; `reason` says why it is there, where something is wrong with it. */
  | { type: "moved"; transition: Transition; detail: MoveDetail }
  /** A trigger has fired; it calls no task where it ends the transaction. */
  | {
      type: "triggered";
      transaction: string;
      task: string;
      event: TriggerEvent;
      action: TriggerAction;
      call: readonly string[];
    }
  /** Something about a task that people want to know of, and that is no step of it. */
  | { type: "noted"; transaction: string; task: string; phrase: string; reason: string }
  | ({ type: "output"; transaction: string; task: string; run: number; stream: OutputStream } & PrintedLine)
  /** How the last process of a task has ended that an earlier provider has run. */
  | { type: "recalled"; transaction: string; task: string; run: number; lastEnd: LastEnd }
  /** What is known of a transaction may have changed, or it is over. */
  | { type: "changed" }
  /** Another model of the context holds. */
  | { type: "reloaded"; config: ContextConfig; generation: number }
  /** The forwarder has been lost, or is back. */
  | { type: "forwarder"; isThere: boolean };

export interface LastEnd {
  time: string;
  code?: number | undefined;
  signal?: string | undefined;
}

/** Is told what happens while a provider runs. */
export type ProviderObserver = (event: ProviderEvent) => void;

/** Several as one: each is told, whatever the others throw; the first error is thrown then. */
export function together(observers: readonly ProviderObserver[]): ProviderObserver {
  return (event) => {
    const errors: unknown[] = [];
    for (const observe of observers) unfailing(observe, (error) => errors.push(error))(event);
    if (errors.length > 0) throw errors[0];
  };
}
