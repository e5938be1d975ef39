// What follows from on_start, on_update, on_fail and on_exit: which tasks a trigger calls, and for what. Pure.
import type { TaskServiceConfig, TriggerAction, TriggerEvent } from "../../config/context-config.ts";
import { idsCalled } from "../../config/meaning.ts";

/** What a trigger asks for: a verb for some tasks, or the end of the transaction. */
export type Consequence =
  | { action: Exclude<TriggerAction, "exit">; serviceIds: string[]; unknown: string[] }
  | { action: "exit" };

/** The tasks a trigger can name: those of the transaction, and those of the provider's own file. */
export interface Reach {
  contextId: string;
  /** Tasks of the transaction, in the order of the file. */
  present: readonly string[];
  isKnown(serviceId: string): boolean;
}

/** What follows when `event` happens to a task; undefined when its file says nothing about it. */
export function consequenceOf(task: TaskServiceConfig, event: TriggerEvent, reach: Reach): Consequence | undefined {
  const trigger = task.triggers[event];
  if (trigger === undefined) return undefined;
  if (trigger.action === "exit") return { action: "exit" };
  const serviceIds = idsCalled(trigger, reach.contextId, reach.present);
  return {
    action: trigger.action,
    serviceIds: serviceIds.filter(reach.isKnown),
    unknown: serviceIds.filter((id) => !reach.isKnown(id)),
  };
}
