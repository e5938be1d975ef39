// The asking side of a context: commands a provider over the bus and asks for its state. Loads nothing of the
// supervising side.
import { randomUUID } from "node:crypto";
import { ERROR_CODES, type ErrorCode, ZcontextError } from "../../errors.ts";
import { controlRequest } from "../../link/control-request.ts";
import { connectOutbox } from "../../link/link.ts";
import { connectRequester, type Requester } from "../../link/request.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { type Message, readMessage, type StateMessage } from "../../protocol/message.ts";
import { FIGURES_ONLY, queryMessage, type TopQuery } from "../../protocol/query.ts";
import { findPresence, type Presence } from "../provider/presence.ts";
import type { TaskRecord } from "../task/record.ts";
import { commandMessage } from "./command-message.ts";
import { type Command, follow, gone, ordersIn, type Progress, recordsOf } from "./command-progress.ts";

export type { Command, Progress, SettledTask } from "./command-progress.ts";

export interface ContextClient extends AsyncDisposable {
  /**
   * @throws {ZcontextError} with the provider's own code and reason when it refuses, `ERR_REQUEST_TIMEOUT` or
   *   `ERR_PROVIDER_GONE`.
   */
  command(command: Command): Promise<Progress>;
  /** The ids of the transactions that run. */
  running(): Promise<string[]>;
  /** The tasks of a transaction as the provider has them. */
  state(transaction: string): Promise<TaskRecord[]>;
  /**
   * Figures of the processes of a transaction, and what else is asked for; `service` has them published from now on, or
   * no longer.
   *
   * @throws {ZcontextError} with the provider's own code and reason, or as `command`.
   */
  top(transaction: string, query?: TopQuery): Promise<JsonObject[]>;
}

export interface ClientOptions {
  /** How long to wait for the forwarder, in milliseconds. Default 1_500. */
  timeoutMs?: number;
  /** How long to wait for each answer of the provider, in milliseconds. Default 5_000. */
  answerMs?: number;
  /** The context file that the provider runs on this machine, where that is known: its end is then seen at once. */
  contextFile?: string;
}

/** From when on a forwarder that does not come back means that its provider is gone as well, in milliseconds. */
const AWAY_MS = 3_000;

/**
 * Connects to the provider behind a forwarder.
 *
 * @throws {ZcontextError} `ERR_BUS_UNREACHABLE` when nobody answers within `timeoutMs`.
 */
export async function connectContext(
  endpoints: Endpoints,
  { timeoutMs = 1_500, answerMs, contextFile }: ClientOptions = {},
): Promise<ContextClient> {
  const watchers = new Set<(message: Message) => void>();
  const provider = await holderOf(contextFile, endpoints);
  const requester = await connectRequester<Message>(endpoints, {
    topics: ["control", "state"],
    timeoutMs,
    ...(answerMs === undefined ? {} : { answerMs }),
    read(frame) {
      const message = readMessage(frame);
      for (const watch of watchers) watch(message);
      return answerIn(message);
    },
  });

  async function whoIsGone(): Promise<string | undefined> {
    if (provider !== undefined) return whoHasLeft(provider);
    return (await isForwarderThere(endpoints)) ? undefined : "the provider is gone";
  }

  // Whoever does not answer may be gone, which says more.
  async function orGone<T>(asking: Promise<T>): Promise<T> {
    try {
      return await asking;
    } catch (error) {
      const who = (error as Partial<ZcontextError>).code === "ERR_REQUEST_TIMEOUT" ? await whoIsGone() : undefined;
      throw who === undefined ? error : gone(who);
    }
  }

  const ask = async (transaction: string) => recordsOf((await query(requester, "request", transaction)) as JsonObject);
  return {
    async command(command) {
      const requestId = randomUUID();
      // Listens from before the command goes out, so that nothing it sets going is missed.
      const following = follow(command, { requestId, ask: () => ask(command.transaction), whoIsGone });
      watchers.add(following.watch);
      const end = () => watchers.delete(following.watch);
      try {
        const orders = acceptedOrders(await orGone(requester.ask(controlRequest(commandMessage(command), requestId))));
        const { before } = following;
        return { orders, before, settled: (timeoutMs) => following.settled(timeoutMs).finally(end) };
      } catch (error) {
        end();
        throw error;
      }
    },
    async running() {
      const { content } = await orGone(askState(requester, "request", ""));
      const error = isObject(content) && isObject(content.error) ? content.error : {};
      return (error.running ?? []) as string[];
    },
    state: (transaction) => orGone(ask(transaction)),
    top: async (transaction, asked) =>
      (await orGone(query(requester, "top", transaction, { ...FIGURES_ONLY, ...asked }))) as JsonObject[],
    [Symbol.asyncDispose]: () => requester[Symbol.asyncDispose](),
  };
}

interface Holder {
  contextFile: string;
  pid: number;
}

// The file may be run by another provider than the one at these endpoints, or by none here.
async function holderOf(contextFile: string | undefined, { publish }: Endpoints): Promise<Holder | undefined> {
  const presence = contextFile === undefined ? undefined : await presenceOf(contextFile);
  if (contextFile === undefined || typeof presence !== "object" || presence.endpoints?.publish !== publish)
    return undefined;
  return { contextFile, pid: presence.pid };
}

async function whoHasLeft({ contextFile, pid }: Holder): Promise<string | undefined> {
  const presence = await presenceOf(contextFile);
  if (presence === undefined) return `the provider (pid ${pid}) is gone`;
  if (presence === "silent" || presence.pid === pid) return undefined;
  return `the provider (pid ${pid}) is gone, and another one (pid ${presence.pid}) has taken its place`;
}

function presenceOf(contextFile: string): Promise<Presence | undefined | "silent"> {
  return findPresence(contextFile).catch(() => "silent" as const);
}

async function isForwarderThere({ publish }: Endpoints): Promise<boolean> {
  try {
    await (await connectOutbox(publish, { timeoutMs: AWAY_MS })).close();
    return true;
  } catch {
    return false;
  }
}

function answerIn(message: Message): { requestId: string; answer: Message } | undefined {
  const { kind, header } = message;
  const isAnswer = kind === "control" || header.action.startsWith("reply_");
  return isAnswer && header.requestId !== undefined ? { requestId: header.requestId, answer: message } : undefined;
}

function acceptedOrders(answer: Message): Progress["orders"] {
  if (answer.kind !== "control") throw new ZcontextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${answer.kind}`);
  if (answer.header.action === "refused") throw refusal(answer.status);
  return ordersIn(answer) ?? {};
}

function refusal({ code, reason }: JsonObject): ZcontextError {
  return new ZcontextError(isErrorCode(code) ? code : "ERR_MESSAGE_UNKNOWN", String(reason ?? "the provider refused"));
}

function isErrorCode(code: Json | undefined): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

async function query(
  requester: Requester<Message>,
  action: "request" | "top",
  transaction: string,
  asked: TopQuery = {},
): Promise<Json> {
  const { content } = await askState(requester, action, transaction, asked);
  if (isObject(content) && isObject(content.error)) throw refusal(content.error);
  return content;
}

async function askState(
  requester: Requester<Message>,
  action: "request" | "top",
  transaction: string,
  asked: TopQuery = {},
): Promise<StateMessage> {
  const answer = await requester.ask(controlRequest(queryMessage(action, transaction, asked)));
  if (answer.kind !== "state") throw new ZcontextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${answer.kind}`);
  return answer;
}
