// Follows what becomes of a command, from what the provider and the tasks say.
import { deferred } from "../../deferred.ts";
import { ZcontextError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { CONTEXT_NAME, type ControlMessage, type Message, type StateMessage } from "../../protocol/message.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { isContrary, judge, type Outcome, underway, type Verdict, waitingInVain } from "./order-outcome.ts";

/** A command for a transaction. Without a configuration the provider's own file is meant. */
export interface Command {
  action: "start" | "stop" | "restart" | "exit";
  transaction: string;
  /** The context's id, where it is to be checked. Default: none. */
  serviceId?: string;
  /** `context` or `all`. Default `context`. */
  serviceName?: string;
  configuration?: JsonObject;
}

/** What an accepted command set going. */
export interface Progress {
  /** What each task it concerns was told: `start`, `define`, `restart` or `stop`. */
  orders: { readonly [serviceId: string]: string };
  /** The tasks of the transaction as they stood before they were told. */
  before: readonly TaskRecord[];
  /**
   * Follows the tasks until each that was to run does, or has ended for good, and each that was to stop is gone. An
   * order that a later contrary one has overtaken is not waited for.
   *
   * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` naming who is not there yet, `ERR_PROVIDER_GONE`.
   */
  settled(timeoutMs: number): Promise<SettledTask[]>;
}

/** A task when a command has settled. */
export type SettledTask = TaskRecord & {
  /** What has come of its order; absent for a task that had none. Where it is no success, `reason` says why. */
  outcome?: Outcome;
};

/** How often we ask for the state and look for the provider while we wait, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** The tasks of a transaction as `context_info` and `reply_context` show it. */
export function recordsOf({ tasks }: JsonObject): TaskRecord[] {
  return (tasks ?? []) as TaskRecord[];
}

/** What the tasks were told, where the message is the answer to an accepted command. */
export function ordersIn({ header, status }: ControlMessage): Progress["orders"] | undefined {
  if (header.serviceName !== CONTEXT_NAME || !isObject(status.orders)) return undefined;
  return status.orders as Progress["orders"];
}

/** What becomes of one command. */
export interface Following extends Pick<Progress, "settled"> {
  readonly before: readonly TaskRecord[];
  /** Hears everything, from before the command goes out. */
  watch(message: Message): void;
}

export interface Sources {
  /** Under which the command goes out. */
  requestId: string;
  /** Has the provider say how the tasks stand; `watch` hears it. */
  ask(): Promise<unknown>;
  /** Who of the provider is gone, in a clause; undefined while it is there. */
  whoIsGone(): Promise<string | undefined>;
}

/** Follows a command. */
export function follow({ action, transaction }: Command, { requestId, ask, whoIsGone }: Sources): Following {
  const done = deferred<SettledTask[]>();
  // Nobody need wait for it.
  done.promise.catch(() => {});
  let orders: Progress["orders"] | undefined;
  let before: TaskRecord[] = [];
  let records: TaskRecord[] | undefined;
  const started = new Set<string>();
  /** Verdicts that nothing later can change. */
  const final = new Map<string, Verdict>();
  /** Requests whose answers were heard: who asks twice is answered twice. */
  const answered = new Set<string>();
  let isAsking = false;

  function watch(message: Message): void {
    if (message.kind === "state") hearState(message);
    if (message.kind !== "control") return;
    const { header } = message;
    if (header.serviceName === CONTEXT_NAME) hearProvider(message);
    else if (header.transaction === transaction) hearTask(message);
  }

  function hearState({ header, content }: StateMessage): void {
    if (header.action !== "reply_context" || header.transaction !== transaction) return;
    if (!isObject(content) || isObject(content.error)) return;
    note(recordsOf(content));
    check({ isSure: true });
  }

  function hearProvider(message: ControlMessage): void {
    const { header, status } = message;
    // Anybody can say so; it ends nothing but what asked for it.
    if (header.action === "exited" && action === "exit" && orders !== undefined) return finish();
    const shown = Array.isArray(status.data) ? recordsIn(status.data) : undefined;
    if (isOwnAnswer(message)) return begin(ordersIn(message) ?? {}, shown ?? []);
    if (shown !== undefined) note(shown);
    if (header.transaction === transaction) hearOrders(message);
    check({ isSure: false });
  }

  function isOwnAnswer(message: ControlMessage): boolean {
    return orders === undefined && message.header.requestId === requestId && ordersIn(message) !== undefined;
  }

  // The answer shows how things stood before; whatever is shown later has the command in it.
  function begin(accepted: Progress["orders"], shown: TaskRecord[]): void {
    orders = accepted;
    before = shown;
    answered.add(requestId);
    if (action !== "exit" && Object.keys(orders).length === 0) finish();
  }

  function hearTask({ header, status }: ControlMessage): void {
    if (header.action !== "started" || status.result !== "success") return;
    const { serviceId } = header;
    // One that is restarted may still say so of the run before.
    if (orders?.[serviceId] === "start" || runsOf(records, serviceId) > runsOf(before, serviceId))
      started.add(serviceId);
  }

  function hearOrders(message: ControlMessage): void {
    const later = ordersIn(message);
    const { requestId: asker } = message.header;
    if (later === undefined || (asker !== undefined && answered.has(asker))) return;
    if (asker !== undefined) answered.add(asker);
    for (const [id, order] of Object.entries(orders ?? {})) {
      const next = later[id];
      if (next === undefined || !isContrary(order, next)) continue;
      const verdict = verdictOn(id);
      const superseded: Verdict = { outcome: "superseded", reason: `${next} of ${id} has superseded it` };
      final.set(id, verdict.outcome === "underway" ? superseded : verdict);
    }
  }

  function recordsIn(data: Json[]): TaskRecord[] | undefined {
    const record = data.find((entry) => isObject(entry) && transaction in entry) as
      | { [id: string]: JsonObject }
      | undefined;
    const found = record?.[transaction];
    return found && recordsOf(found);
  }

  function note(shown: TaskRecord[]): void {
    if (orders === undefined) return;
    records = shown;
    for (const { service_id, lifecycle } of shown) {
      if (lifecycle === "running") started.add(service_id);
      // What it had begun is over.
      if (lifecycle === "backingOff") started.delete(service_id);
      // Who was stopped is no matter of ours any more, whoever starts it next.
      if (orders[service_id] === "stop" && !final.has(service_id)) {
        const verdict = verdictOn(service_id);
        if (verdict.outcome === "success") final.set(service_id, verdict);
      }
    }
  }

  function verdictOn(id: string): Verdict {
    const known = final.get(id);
    if (known !== undefined) return known;
    if (records === undefined) return underway;
    const record = recordOf(records, id);
    const verdict = judge(orders?.[id] ?? "", record, started.has(id));
    if (verdict.outcome !== "underway" || !waitingInVain(records).has(id)) return verdict;
    return { outcome: "failure", reason: record?.reason ?? "waits in vain" };
  }

  // A task that has failed may be started again by a trigger, which the provider carries out before it answers us.
  function check({ isSure }: { isSure: boolean }): void {
    if (orders === undefined || action === "exit") return;
    const outcomes = Object.keys(orders).map((id) => verdictOn(id).outcome);
    if (outcomes.includes("underway")) return;
    if (isSure || !outcomes.includes("failure")) finish();
    else void askAgain();
  }

  function finish(): void {
    done.resolve((records ?? before).map(settledTask));
  }

  function settledTask(record: TaskRecord): SettledTask {
    if (orders?.[record.service_id] === undefined) return record;
    const verdict = verdictOn(record.service_id);
    return verdict.outcome === "underway" ? record : { ...record, ...verdict };
  }

  // Announcements can be lost with the forwarder; what the provider has can't.
  async function askAgain(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      await ask();
    } catch (error) {
      const { code } = error as Partial<ZcontextError>;
      if (code === "ERR_TRANSACTION_UNKNOWN" && action !== "exit") overWith(error);
      if (code === "ERR_REQUEST_TIMEOUT" && action === "exit") finish(); // it has left
    } finally {
      isAsking = false;
    }
  }

  function overWith(error: unknown): void {
    if (action === "stop") return finish();
    check({ isSure: true });
    done.reject(error);
  }

  async function lookForProvider(): Promise<void> {
    const who = await whoIsGone();
    if (who === undefined) return;
    if (action === "exit") finish();
    else done.reject(gone(`${action} of ${transaction}: ${who}`));
  }

  return {
    get before() {
      return before;
    },
    watch,
    async settled(timeoutMs) {
      const again = setInterval(() => {
        void askAgain();
        void lookForProvider();
      }, LOOK_AGAIN_MS);
      const late = setTimeout(() => {
        check({ isSure: true });
        done.reject(unsettled(timeoutMs));
      }, timeoutMs);
      return done.promise.finally(() => {
        clearInterval(again);
        clearTimeout(late);
      });
    },
  };

  function unsettled(timeoutMs: number): ZcontextError {
    const missing = Object.keys(orders ?? {}).filter((id) => verdictOn(id).outcome === "underway");
    const who = action === "exit" ? "the provider" : missing.map((id) => `${id} (${whereIs(id)})`).join(", ");
    return new ZcontextError(
      "ERR_REQUEST_TIMEOUT",
      `${action} of ${transaction}: still waiting for ${who} after ${timeoutMs / 1_000} s`,
      {
        hint: "The command was accepted and goes on; wait longer with --timeout, or look with --action request.",
      },
    );
  }

  function whereIs(id: string): string {
    const { lifecycle = "unknown", reason = "" } = recordOf(records ?? before, id) ?? {};
    return reason === "" ? lifecycle : `${lifecycle}: ${reason}`;
  }
}

/** The provider that was asked is no more. */
export function gone(what: string): ZcontextError {
  return new ZcontextError("ERR_PROVIDER_GONE", what, {
    hint: "Look at its log. One that was killed takes up what it was running when it is started again.",
  });
}

function recordOf(records: readonly TaskRecord[] | undefined, id: string): TaskRecord | undefined {
  return records?.find(({ service_id }) => service_id === id);
}

function runsOf(records: readonly TaskRecord[] | undefined, id: string): number {
  return recordOf(records, id)?.runs ?? 0;
}
