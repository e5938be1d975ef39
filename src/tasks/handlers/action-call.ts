// How an action travels: as the call of a method whose parameters hold the message and the sender. A sender that does not
// wait for the end asks the service to take it, and is answered before the action runs.
import { ZcontextError } from "../../errors.ts";
import { CallError } from "../../messaging/contract/service-error.ts";
import type { EventBus } from "../../messaging/index.ts";
import { isObject } from "../../protocol/json.ts";
import { isTaskAddress, taskAddress } from "../../protocol/task-address.ts";
import type { Json, TaskScope } from "../contract/task.ts";
import { methodOf } from "./declared.ts";

/** The parameters of a method that carries an action. */
export interface ActionCall {
  /** The name of the service that asks. */
  source: string;
  message: Json;
  /** Answer once it is taken, with null, and run it then. */
  take?: true;
}

/** Whether the parameters of a call are those of an action. */
export function isActionCall(params: unknown): params is ActionCall {
  return isObject(params) && typeof params.source === "string" && params.message !== undefined;
}

/** The task that sends. */
type Sender = Pick<TaskScope<unknown>, "serviceName" | "transaction">;

export type ActionSender = Pick<TaskScope<unknown>, "submitAction" | "ask" | "submitMessage">;

const EVERYBODY = "*";
/** How long a service that is restarting is waited for, in milliseconds. */
const RESTART_MS = 30_000;
/** The service that talks with the world outside, and its action. */
export const OUTSIDE = { service: "com", action: "Process" };

/** The destination that is no service but the provider of the task. */
export const ORCHESTRATOR = "orchestrator";

/** What sending does beside the bus. */
export interface SendingEffects {
  /** Prints why an action has reached nobody. */
  warn(line: string): void;
  /** Has the provider carry out an action; undefined where there is none. */
  orchestrate?: ((action: string) => Promise<Json>) | undefined;
}

/** @param openBus - Called for each action. */
export function createActionSender(
  openBus: () => Promise<EventBus>,
  { serviceName, transaction }: Sender,
  { warn, orchestrate }: SendingEffects,
): ActionSender {
  const source = serviceName;

  /** Calls a service of that name, else the task of this transaction that has it as its id. */
  async function callOne<Answer>(
    bus: EventBus,
    destination: string,
    action: string,
    params: ActionCall,
    options: { timeoutMs?: number; idempotent?: boolean },
  ): Promise<Answer> {
    if (destination === ORCHESTRATOR && orchestrate !== undefined) return (await orchestrate(action)) as Answer;
    const method = methodOf(action);
    try {
      return await bus.call(`${checked(destination)}.${method}`, { ...params }, options);
    } catch (error) {
      if (!isUnknownService(error)) throw error;
      return bus.call(`${taskAddress(destination, transaction)}.${method}`, { ...params }, options);
    }
  }

  /** @returns Whether it was taken. */
  async function submitTo(destination: string, send: () => Promise<unknown>, action: string): Promise<boolean> {
    try {
      await send();
      return true;
    } catch (error) {
      warn(refusalOf(error, destination, action).message);
      return false;
    }
  }

  async function submitToAll(action: string, params: ActionCall): Promise<number> {
    const bus = await openBus();
    const method = methodOf(action);
    const services = await bus.operations.services();
    const takers = services.filter(({ service, methods }) => isTaskAddress(service) && methods.includes(method));
    const taken = await Promise.all(
      takers.map(({ service }) =>
        submitTo(service, () => bus.call(`${service}.${method}`, { ...params }, SUBMITTED), action),
      ),
    );
    if (takers.length === 0) warn(`There is no service with the action ${action}`);
    return taken.filter(Boolean).length;
  }

  const sender: ActionSender = {
    async submitAction(destination, action, message) {
      const params: ActionCall = { source, message: asJson(message), take: true };
      if (destination !== EVERYBODY) {
        const send = async () => callOne(await openBus(), destination, action, params, SUBMITTED);
        return { delivered: (await submitTo(destination, send, action)) ? 1 : 0 };
      }
      let delivered = 0;
      await submitTo(
        EVERYBODY,
        async () => {
          delivered = await submitToAll(action, params);
        },
        action,
      );
      return { delivered };
    },
    async ask(destination, action, message, options = {}) {
      if (destination === EVERYBODY)
        throw new ZcontextError(
          "ERR_USAGE",
          "ask: expected one destination, got *; submitAction reaches every service",
        );
      try {
        return await callOne(await openBus(), destination, action, { source, message: asJson(message) }, options);
      } catch (error) {
        throw refusalOf(error, destination, action);
      }
    },
    async submitMessage(message) {
      const { service, action } = OUTSIDE;
      const params: ActionCall = { source, message: asJson(message) };
      const send = async () => callOne(await openBus(), service, action, params, SUBMITTED);
      return { delivered: (await submitTo(service, send, action)) ? 1 : 0 };
    },
  };
  return sender;
}

// Sent once more where the instance that had it is lost, which answers the same one from memory.
const SUBMITTED = { timeoutMs: RESTART_MS, idempotent: true };

/** JSON has no `undefined`; whatever else it lacks is refused when the message is written. */
function asJson(message: unknown): Json {
  return (message ?? null) as Json;
}

/** A destination with a dot can only be the id of a task. */
function checked(destination: string): string {
  if (!/^[^\s\p{C}.@]+$/u.test(destination)) throw unknownService(destination, "");
  return destination;
}

function isUnknownService(error: unknown): boolean {
  return error instanceof CallError && error.code === "ERR_SERVICE_UNKNOWN";
}

function unknownService(destination: string, action: string): CallError {
  return refusal("ERR_SERVICE_UNKNOWN", `There is no service called ${destination}`, destination, action);
}

/** The error in the words of actions. */
function refusalOf(error: unknown, destination: string, action: string): Error {
  if (isUnknownService(error)) return unknownService(destination, action);
  if (error instanceof CallError && error.code === "ERR_METHOD_UNKNOWN")
    return refusal("ERR_ACTION_UNKNOWN", `The service ${destination} has no action ${action}`, destination, action);
  return error instanceof Error ? error : new Error(String(error));
}

function refusal(code: string, message: string, service: string, action: string): CallError {
  return new CallError(service, action, { code, message, retryable: false, executed: "no" });
}
