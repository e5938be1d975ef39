// The asking side of a context: commands a provider over the bus and asks for its state. Loads nothing of the
// supervising side.
import { connectRequester, type Requester } from "../bus/request.ts";
import type { Endpoints } from "../config/context-config.ts";
import { ContextError, ERROR_CODES, type ErrorCode } from "../errors.ts";
import { isObject, type Json, type JsonObject } from "../protocol/json.ts";
import { CONTEXT_NAME, type Header, type Message, type StateMessage } from "../protocol/message.ts";
import { type Command, follow, type Progress, recordsOf } from "./following.ts";
import type { TaskRecord } from "./record.ts";

export type { Command, Progress } from "./following.ts";

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

  const state = async (transaction: string) =>
    recordsOf((await query(requester, "request", transaction)) as JsonObject);
  return {
    async command(command) {
      // Listens from before the command goes out, so that nothing it sets going is missed.
      const following = follow(command, () => state(command.transaction));
      watchers.add(following.watch);
      const end = () => watchers.delete(following.watch);
      try {
        const orders = acceptedOrders(await requester.ask(asMessage(command)));
        following.begin(orders);
        return { orders, settled: (timeoutMs) => following.settled(timeoutMs).finally(end) };
      } catch (error) {
        end();
        throw error;
      }
    },
    async running() {
      const { content } = await askState(requester, "request", "");
      const error = isObject(content) && isObject(content.error) ? content.error : {};
      return (error.running ?? []) as string[];
    },
    state,
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
