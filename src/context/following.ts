// Follows what becomes of a command, from what the provider and the tasks say.
import { deferred } from "../deferred.ts";
import { ContextError } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../protocol/json.ts";
import { CONTEXT_NAME, type Header, type Message, type Status } from "../protocol/message.ts";
import type { TaskRecord } from "./record.ts";

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
  /**
   * Follows the tasks until all that were to run have run and all that were to stop are gone, or one has failed.
   *
   * @throws {ContextError} `ERR_REQUEST_TIMEOUT` naming who is not there yet.
   */
  settled(timeoutMs: number): Promise<TaskRecord[]>;
}

/** How often the state is asked for while we wait, should an announcement have been lost, in milliseconds. */
const ASK_AGAIN_MS = 1_000;

/** The tasks of a transaction as `context_info` and `reply_context` show it. */
export function recordsOf({ tasks }: JsonObject): TaskRecord[] {
  return (tasks ?? []) as TaskRecord[];
}

/** States of a task that has no process, and of one that has said `started` in its present run. */
const GONE: readonly string[] = ["stopped", "exited", "failed"];
const HAS_STARTED: readonly string[] = ["running", "exited", "stopped"];

/** What becomes of one command. */
export interface Following extends Pick<Progress, "settled"> {
  /** Hears everything, from before the command goes out. */
  watch(message: Message): void;
  /** The command was accepted, and set this going. */
  begin(accepted: Progress["orders"]): void;
}

/** Follows a command; `ask` answers the tasks of its transaction as the provider has them. */
export function follow({ action, transaction }: Command, ask: () => Promise<TaskRecord[]>): Following {
  const done = deferred<TaskRecord[]>();
  let orders: Progress["orders"] | undefined;
  let runsBefore: ReadonlyMap<string, number> | undefined;
  let records: TaskRecord[] = [];
  let hasLeft = false;
  let isFinishing = false;
  const failures = new Map<string, string>();

  function watch(message: Message): void {
    if (message.kind !== "control") return;
    const { header, status } = message;
    if (header.serviceName !== CONTEXT_NAME) hearTask(header, status);
    else if (header.action === "exited") hasLeft = true;
    else if (Array.isArray(status.data)) note(recordsIn(status.data));
    check();
  }

  // A task that is started again at once may be past its failure before anybody looks at its state.
  function hearTask({ transaction: of, serviceId, action: said }: Header, { result, reason }: Status): void {
    const isFailure = said === "failed" || (said === "started" && result !== "success");
    if (of === transaction && isFailure && orders?.[serviceId] !== undefined)
      failures.set(serviceId, String(reason ?? said));
  }

  function recordsIn(data: Json[]): TaskRecord[] | undefined {
    const record = data.find((entry) => isObject(entry) && transaction in entry) as
      | { [id: string]: JsonObject }
      | undefined;
    const found = record?.[transaction];
    return found && recordsOf(found);
  }

  function note(found: TaskRecord[] | undefined): void {
    if (found === undefined) return;
    records = found;
    // The first one after the command, the answer itself, shows how things stood before it was carried out.
    runsBefore ??= new Map(found.map(({ service_id, runs }) => [service_id, runs]));
  }

  function check(): void {
    if (orders === undefined) return;
    if (action === "exit" ? hasLeft : Object.keys(orders).every(isSettled)) finish();
    // The others may be further than the last news of them.
    else if (hasFailed() && !isFinishing) void askAgain().finally(finish);
  }

  function finish(): void {
    done.resolve(records.map(withFailure));
  }

  function withFailure(record: TaskRecord): TaskRecord {
    const reason = failures.get(record.service_id);
    return reason === undefined || action === "stop" ? record : { ...record, lifecycle: "failed", reason };
  }

  function isSettled(serviceId: string): boolean {
    const order = orders?.[serviceId];
    const record = records.find(({ service_id }) => service_id === serviceId);
    if (order === "define") return true;
    if (order === "stop") return record === undefined || GONE.includes(record.lifecycle);
    return record !== undefined && hasRun(record) && HAS_STARTED.includes(record.lifecycle);
  }

  function hasFailed(): boolean {
    if (action === "stop") return false;
    if (failures.size > 0) return true;
    return records.some(
      (record) => record.lifecycle === "failed" && orders?.[record.service_id] !== undefined && hasRun(record),
    );
  }

  function hasRun({ service_id, runs }: TaskRecord): boolean {
    return runs > (runsBefore?.get(service_id) ?? 0);
  }

  // Announcements can be lost with the forwarder; what the provider has can't.
  async function askAgain(): Promise<void> {
    try {
      isFinishing = hasFailed();
      records = await ask();
    } catch (error) {
      const { code } = error as Partial<ContextError>;
      if (code === "ERR_TRANSACTION_UNKNOWN" && action !== "exit") return finish(); // it has ended
      if (code === "ERR_REQUEST_TIMEOUT" && action === "exit") return finish(); // it has left
    }
    check();
  }

  return {
    watch,
    begin(accepted) {
      orders = accepted;
      check();
    },
    settled,
  };

  async function settled(timeoutMs: number): Promise<TaskRecord[]> {
    const again = setInterval(() => void askAgain(), ASK_AGAIN_MS);
    const late = setTimeout(() => done.reject(unsettled(timeoutMs)), timeoutMs);
    return done.promise.finally(() => {
      clearInterval(again);
      clearTimeout(late);
    });
  }

  function unsettled(timeoutMs: number): ContextError {
    const missing = Object.keys(orders ?? {}).filter((id) => !isSettled(id));
    const who = action === "exit" ? "the provider" : missing.map((id) => `${id} (${stateOf(id)})`).join(", ");
    return new ContextError(
      "ERR_REQUEST_TIMEOUT",
      `${action} of ${transaction}: still waiting for ${who} after ${timeoutMs} ms`,
      {
        hint: "The command was accepted and goes on; wait longer with --timeout, or look with --action request.",
      },
    );
  }

  function stateOf(serviceId: string): string {
    return records.find(({ service_id }) => service_id === serviceId)?.lifecycle ?? "unknown";
  }
}
