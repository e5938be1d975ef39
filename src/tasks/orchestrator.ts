// The destination `orchestrator` of actions: the provider that runs the task. It is told what to do as any client tells it,
// and an answer says what was done. Loaded when it is first used.
import { connectContext } from "../context/client/client.ts";
import { CallError } from "../messaging/contract/service-error.ts";
import type { StartData } from "../protocol/pipe.ts";
import type { Json } from "./contract/task.ts";
import { ORCHESTRATOR } from "./handlers/action-call.ts";

type Asker = Pick<StartData, "endpoints" | "transaction">;

/** How long services may take to start or stop, in milliseconds; each of them has bounds of its own. */
const SETTLE_MS = 120_000;
/** For the forwarder and for each answer: the provider is there, since it runs this task. */
const BOUNDS = { timeoutMs: 15_000, answerMs: 15_000 };

/**
 * Has the provider carry out an action, and resolves once that is done.
 *
 * @returns `{ started: ["ts_1"], failed: { ts_2: "exit code 1" } }`, with `stopped` in place of `started` for a stop.
 * @throws {CallError} `ERR_ACTION_UNKNOWN`. @throws {ZcontextError} as the provider refuses it.
 */
export async function orchestrate({ endpoints, transaction }: Asker, action: string): Promise<Json> {
  const order = ORDERS.get(action);
  if (order === undefined)
    throw new CallError(ORCHESTRATOR, action, {
      code: "ERR_ACTION_UNKNOWN",
      message: `The service ${ORCHESTRATOR} has no action ${action}; it has ${[...ORDERS.keys()].join(", ")}`,
      retryable: false,
      executed: "no",
    });
  await using client = await connectContext(endpoints, BOUNDS);
  const { orders, settled } = await client.command({ action: order, transaction, onlyCustom: true });
  if (orders.size === 0) return { [DONE[order]]: [] };
  const told = (await settled(SETTLE_MS)).filter(({ service_id }) => orders.has(service_id));
  const [done, failed] = [true, false].map((isDone) => told.filter((one) => (one.outcome === "success") === isDone));
  return {
    [DONE[order]]: done?.map(({ service_id }) => service_id) ?? [],
    ...(failed?.length && {
      failed: Object.fromEntries(failed.map(({ service_id, reason }) => [service_id, reason ?? "was told otherwise"])),
    }),
  };
}

const ORDERS: ReadonlyMap<string, "start" | "stop"> = new Map([
  ["startCustomServices", "start"],
  ["stopCustomServices", "stop"],
]);
const DONE = { start: "started", stop: "stopped" } as const;
