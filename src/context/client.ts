// The asking side of a context: commands a provider over the bus, and follows what becomes of the tasks. Loads nothing
// of the supervising side.
import { connectRequester, type Requester } from "../bus/request.ts";
import type { Endpoints } from "../config/context-config.ts";
import { deferred } from "../deferred.ts";
import { ContextError, ERROR_CODES, type ErrorCode } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../protocol/json.ts";
import { CONTEXT_NAME, type Header, type Message, type StateMessage, type Status } from "../protocol/message.ts";
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

export interface ContextClient extends AsyncDisposable {
  /**
   * @throws {ContextError} with the provider's own code and reason when it refuses, or `ERR_REQUEST_TIMEOUT`.
   */
  command(command: Command): Promise<Progress>;
  /** The ids of the transactions that run. */
  running(): Promise<string[]>;
  /** The tasks of a transaction as the provider has them. */
  state(transaction: string): Promise<TaskRecord[]>;
  /** Figures of the processes of a transaction. */
  top(transaction: string): Promise<JsonObject[]>;
}

/** How often the state is asked for while we wait, should an announcement have been lost, in milliseconds. */
const ASK_AGAIN_MS = 1_000;

/**
 * Connects to the provider behind a forwarder.
 *
 * @throws {ContextError} `ERR_BUS_UNREACHABLE` when nobody answers within `timeoutMs`, by default 1_500.
 */
export async function connectContext(endpoints: Endpoints, { timeoutMs = 1_500 } = {}): Promise<ContextClient> {
  const watchers = new Set<(message: Message) => void>();
  const requester = await connectRequester(endpoints, {
    topics: ["control", "state"],
    timeoutMs,
    isAnswer: ({ kind, header }) => kind === "control" || header.action.startsWith("reply_"),
    onMessage(message) {
      for (const watch of watchers) watch(message);
    },
  });

  return {
    async command(command) {
      const following = follow(requester, command, watchers);
      try {
        const answer = await requester.ask(asMessage(command));
        return following.begin(acceptedOrders(answer));
      } catch (error) {
        following.end();
        throw error;
      }
    },
    async running() {
      const { content } = await askState(requester, "request", "");
      const error = isObject(content) && isObject(content.error) ? content.error : {};
      return (error.running ?? []) as string[];
    },
    state: async (transaction) => recordsOf((await query(requester, "request", transaction)) as JsonObject),
    top: async (transaction) => (await query(requester, "top", transaction)) as JsonObject[],
    [Symbol.asyncDispose]: () => requester[Symbol.asyncDispose](),
  };
}

function asMessage({
  action,
  transaction,
  serviceId = "none",
  serviceName = CONTEXT_NAME,
  configuration = {},
}: Command): Message {
  return { kind: "context", header: { action, serviceId, serviceName, transaction }, configuration };
}

function acceptedOrders({ header, ...message }: Message): Progress["orders"] {
  if (message.kind !== "control") throw new ContextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${message.kind}`);
  if (header.action === "refused") throw refusal(message.status);
  const { orders } = message.status;
  return isObject(orders) ? (orders as Progress["orders"]) : {};
}

function refusal({ code, reason }: JsonObject): ContextError {
  return new ContextError(isErrorCode(code) ? code : "ERR_MESSAGE_UNKNOWN", String(reason ?? "the provider refused"));
}

function isErrorCode(code: Json | undefined): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

async function query(requester: Requester, action: "request" | "top", transaction: string): Promise<Json> {
  const { content } = await askState(requester, action, transaction);
  if (isObject(content) && isObject(content.error)) throw refusal(content.error);
  return content;
}

async function askState(requester: Requester, action: "request" | "top", transaction: string): Promise<StateMessage> {
  const header: Header = { action, serviceId: "", serviceName: "state", transaction };
  const options = action === "top" ? { memory_maps: false, open_connections: false, opened_files: false } : {};
  const answer = await requester.ask({ kind: "state", header, content: { configuration: options } });
  if (answer.kind !== "state") throw new ContextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${answer.kind}`);
  return answer;
}

function recordsOf({ tasks }: JsonObject): TaskRecord[] {
  return (tasks ?? []) as TaskRecord[];
}

/** States of a task that has no process, and of one that has said `started` in its present run. */
const GONE: readonly string[] = ["stopped", "exited", "failed"];
const HAS_STARTED: readonly string[] = ["running", "exited", "stopped"];

// --- following -------------------------------------------------------------------------------------------------------

// Listens from before the command goes out, so that nothing it sets going is missed.
function follow(requester: Requester, { action, transaction }: Command, watchers: Set<(message: Message) => void>) {
  const done = deferred<TaskRecord[]>();
  let orders: Progress["orders"] | undefined;
  let runsBefore: ReadonlyMap<string, number> | undefined;
  let records: TaskRecord[] = [];
  let hasLeft = false;
  let isFinishing = false;
  const failures = new Map<string, string>();
  watchers.add(watch);

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
      const answer = await query(requester, "request", transaction);
      records = recordsOf(answer as JsonObject);
    } catch (error) {
      const { code } = error as Partial<ContextError>;
      if (code === "ERR_TRANSACTION_UNKNOWN" && action !== "exit") return done.resolve(records); // it has ended
      if (code === "ERR_REQUEST_TIMEOUT" && action === "exit") return done.resolve(records); // it has left
    }
    check();
  }

  function end(): void {
    watchers.delete(watch);
  }

  return {
    end,
    begin(accepted: Progress["orders"]): Progress {
      orders = accepted;
      check();
      return { orders, settled };
    },
  };

  async function settled(timeoutMs: number): Promise<TaskRecord[]> {
    const again = setInterval(() => void askAgain(), ASK_AGAIN_MS);
    const late = setTimeout(() => done.reject(unsettled(timeoutMs)), timeoutMs);
    return done.promise.finally(() => {
      clearInterval(again);
      clearTimeout(late);
      end();
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
