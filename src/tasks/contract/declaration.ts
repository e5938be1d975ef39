// The types by which `defineTask` takes the schemata of a task's handlers for the types of what they get. Types alone. Pure.
import type { AnySchema, ReceivedEvent, RetryPolicy, TypeOf } from "../../messaging/index.ts";
import type { ActionFunction, Handlers, RequestScope, Running, TaskScope } from "./task.ts";

/**
 * A task whose handlers get what their schemata say.
 *
 * @typeParam Contents - The schemata of the events' contents, by event; `unknown` for an event without.
 * @typeParam Contexts - The same for their contexts.
 * @typeParam Params - The schemata of the methods' parameters, by method.
 * @typeParam Messages - The schemata of the actions' messages, by action.
 */
export type Declaration<Configuration, Contents, Contexts, Params, Messages> = Omit<
  Handlers<Configuration>,
  "events" | "methods" | "actions"
> &
  (Running<Configuration> | { kind?: never; run?: never }) & {
    // An event is in both halves, so that both of its schemata are inferred.
    events?: {
      [Event in keyof Contents]: {
        content?: Contents[Event] & AnySchema;
        prefetch?: number;
        retry?: Partial<RetryPolicy>;
        handle(
          event: ReceivedEvent<
            TypeOf<Contents[Event]>,
            TypeOf<Event extends keyof Contexts ? Contexts[Event] : unknown>
          >,
          scope: TaskScope<Configuration>,
        ): unknown;
      };
    } & {
      [Event in keyof Contexts]: {
        context?: Contexts[Event] & AnySchema;
        content?: unknown;
        prefetch?: unknown;
        retry?: unknown;
        handle?: unknown;
      };
    };
    methods?: {
      [Method in keyof Params]: {
        params?: Params[Method] & AnySchema;
        handle(params: TypeOf<Params[Method]>, scope: RequestScope<Configuration>): unknown;
      };
    };
    actions?: {
      [Action in keyof Messages]:
        | ActionFunction<Configuration>
        | {
            message?: Messages[Action] & AnySchema;
            handle(message: TypeOf<Messages[Action]>, scope: RequestScope<Configuration>): unknown;
          };
    };
  };
