// Runs the actions of a task: at once for a sender that waits for the answer, and beside everything else for one that only
// wants it taken.
import { reasonOf } from "../../errors.ts";
import { ServiceError } from "../../messaging/contract/service-error.ts";
import type { MethodCall } from "../../messaging/index.ts";
import { checkOf } from "../../messaging/schema-check.ts";
import type { CheckedAction } from "../contract/task.ts";
import { type ActionCall, isActionCall } from "./action-call.ts";
import { ACTION_OF_HOOK, isPrivate } from "./declared.ts";
import { type HandlerHost, START_FAULT } from "./handler-host.ts";

/** Actions that a service has taken and not ended; one above that is refused. */
const MAX_TAKEN = 10_000;

/** @returns Makes the method that carries an action. */
export function createActionRunner<Configuration>({ bus, scope, scopeOf }: HandlerHost<Configuration>) {
  let taken = 0;

  /** Runs it, and reports what it throws. */
  async function runBeside(name: string, run: () => unknown, source: string): Promise<void> {
    taken += 1;
    try {
      await run();
    } catch (error) {
      report(name, source, error);
      if (error instanceof Error && error.stack !== undefined) scope.log.error(error.stack);
    } finally {
      taken -= 1;
    }
  }

  function report(name: string, source: string, error: unknown): void {
    const code = name === ACTION_OF_HOOK.start ? START_FAULT : undefined;
    scope.throwError(`action ${name}, which ${source} has sent: ${reasonOf(error)}`, code);
  }

  return (name: string, action: CheckedAction<Configuration>) => {
    const check = action.message === undefined ? undefined : checkOf(action.message, `action ${name}`);

    /** Refuses what is no action of this service, or does not fit. */
    async function read(params: unknown): Promise<ActionCall> {
      if (!isActionCall(params))
        throw new ServiceError("ERR_PARAMS_INVALID", `action ${name}: expected { source, message }`);
      if (isPrivate(name) && params.source !== scope.serviceName)
        throw new ServiceError("ERR_METHOD_UNKNOWN", `${name} is not for other services`);
      const problem = await check?.(params.message);
      if (problem !== undefined) throw new ServiceError("ERR_PARAMS_INVALID", `action ${name}: ${problem}`);
      return params;
    }

    return async (params: never, call: MethodCall): Promise<unknown> => {
      const { source, message, take } = await read(params);
      if (take !== true) {
        const own = scopeOf({ bus: call.bus, source, signal: () => call.signal });
        return action.handle(message, own);
      }
      if (taken >= MAX_TAKEN)
        throw new ServiceError("ERR_OVERLOADED", `${scope.serviceName} has ${taken} actions under way`, {
          retryable: true,
        });
      const own = scopeOf({ bus: call.bus.withoutDeadline(), source, signal: () => bus.leaving });
      bus.holdOpen(runBeside(name, () => action.handle(message, own), source));
      return null;
    };
  };
}
