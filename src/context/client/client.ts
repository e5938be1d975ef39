// The asking side of a context: sends a provider commands and questions over the link, and follows what becomes of
// them. Loads nothing of the supervising side.
import { randomUUID } from "node:crypto";
import type { ReloadPlan } from "../../config/planned-change.ts";
import { deferred } from "../../deferred.ts";
import { ERROR_CODES, type ErrorCode, ZcontextError } from "../../errors.ts";
import { controlRequest } from "../../link/control-request.ts";
import { connectRequester, type Requester } from "../../link/request.ts";
import { FILE_CLAIM, type FileClaim } from "../../presence/kinship.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { type ControlMessage, type Message, readMessage } from "../../protocol/message.ts";
import { FIGURES_ONLY, queryMessage, type TopQuery } from "../../protocol/query.ts";
import { read } from "../../protocol/schema.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import { readObjects, readOrders, readPlan, readTasks, readWords, type TaskOrder } from "./answers.ts";
import { applyMessage, type Command, commandMessage } from "./command.ts";
import { type CommandProgress, trackCommand } from "./command-progress.ts";
import { providerGone, watchProvider } from "./provider-loss.ts";

export type { Command } from "./command.ts";
export type { CommandProgress } from "./command-progress.ts";
export type { SettledTask } from "./command-state.ts";

export interface ContextClient extends AsyncDisposable {
  /**
   * Sends a command, and resolves when the provider has accepted it.
   *
   * @throws {ZcontextError} with the provider's own code and reason when it refuses, `ERR_REQUEST_TIMEOUT` or
   *   `ERR_PROVIDER_GONE`.
   */
  command(command: Command): Promise<CommandProgress>;
  /** The ids of the transactions that run. */
  running(): Promise<string[]>;
  /** The same, and the ids of those that are over, whose last state is shown until another begins. */
  transactions(): Promise<{ running: string[]; ended: string[] }>;
  /** Which file the provider says it runs; undefined for one that does not say, such as the original's. */
  fileClaim(): Promise<FileClaim | undefined>;
  /** The tasks of a transaction as the provider has them. */
  state(transaction: string): Promise<TaskRecord[]>;
  /**
   * Figures of the processes of a transaction, with the lists that the query asks for; its `service` begins or ends their
   * publication.
   *
   * @throws {ZcontextError} with the provider's own code and reason, or as `command`.
   */
  top(transaction: string, query?: TopQuery): Promise<JsonObject[]>;
  /**
   * What `apply` would do now, in one transaction or in all.
   *
   * @throws {ZcontextError} with the provider's own code, reason and details: those of an invalid file, for instance.
   */
  plan(transaction?: string): Promise<ReloadPlan>;
  /**
   * Has the provider take over its context file as it is now, and resolves when that is done.
   *
   * @throws {ZcontextError} as `plan`, `ERR_ROLLED_BACK`: nothing was changed then; or `ERR_REQUEST_TIMEOUT`: it goes on.
   */
  apply(options: { transaction?: string; timeoutMs: number }): Promise<ReloadPlan>;
}

export interface ClientOptions {
  /** How long to wait for the forwarder, in milliseconds. Default 1_500, or 15_000 for a provider that was found. */
  timeoutMs?: number;
  /** How long to wait for each answer of the provider, in milliseconds. Default 5_000, or 15_000 for one that was found. */
  answerMs?: number;
  /** The context file that the provider runs on this machine, where that is known: its end is then seen at once. */
  contextFile?: string;
}

/** How long to wait for the forwarder, and for an answer, in milliseconds. */
export const BOUNDS = {
  /** There may be no provider: the caller wants to hear that soon. */
  unknown: { timeoutMs: 1_500, answerMs: 5_000 },
  /** The provider has just said where it is. If it takes long, the machine is busy; its end is seen meanwhile. */
  found: { timeoutMs: 15_000, answerMs: 15_000 },
};
/** How often that end is looked for, in milliseconds. */
const LOOK_MS = 1_000;
/** How often a provider is asked whether a change is done, in milliseconds. */
const APPLY_POLL_MS = 1_000;

/**
 * Connects to the provider behind a forwarder.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when the forwarder does not answer within `timeoutMs`.
 */
export async function connectContext(
  endpoints: Endpoints,
  { contextFile, ...bounds }: ClientOptions = {},
): Promise<ContextClient> {
  const listeners = new Set<(message: Message) => void>();
  const { isKnown, findLoss } = await watchProvider(endpoints, contextFile);
  const requester = await connectRequester<Message>(endpoints, {
    topics: ["control", "state"],
    ...(isKnown ? BOUNDS.found : BOUNDS.unknown),
    ...bounds,
    read(frame) {
      const message = readMessage(frame);
      for (const listener of listeners) listener(message);
      return answerIn(message);
    },
  });

  // A provider that does not answer may be gone, which is the better reason.
  async function orGone<T>(asking: Promise<T>): Promise<T> {
    const lost = deferred<never>();
    const look = async () => {
      const loss = await findLoss();
      if (loss !== undefined) lost.reject(providerGone(loss));
    };
    const looking = isKnown ? setInterval(look, LOOK_MS) : undefined;
    try {
      return await Promise.race([asking, lost.promise]);
    } catch (error) {
      const isLate = error instanceof ZcontextError && error.code === "ERR_REQUEST_TIMEOUT";
      const loss = isLate ? await findLoss() : undefined;
      throw loss === undefined ? error : providerGone(loss);
    } finally {
      clearInterval(looking);
    }
  }

  async function askForTasks(transaction: string): Promise<TaskRecord[]> {
    const content = await query(requester, "request", transaction);
    return (isObject(content) ? readTasks(content) : undefined) ?? malformed("request", "the tasks", content);
  }

  // A provider that is asked about no transaction says in its error which ones there are, and which file it runs.
  async function askForNone(): Promise<JsonObject> {
    return errorIn(await orGone(ask(requester, "request", ""))) ?? {};
  }

  async function transactions(): Promise<{ running: string[]; ended: string[] }> {
    const { running = [], ended = [] } = await askForNone();
    const wordsIn = (ids: Json) => readWords(ids) ?? malformed("request", "transactions", ids);
    return { running: wordsIn(running), ended: wordsIn(ended) };
  }

  // The answer comes at once, and a repetition of the request says whether it is done: its announcement may be lost.
  async function apply({
    transaction = "",
    timeoutMs,
  }: {
    transaction?: string;
    timeoutMs: number;
  }): Promise<ReloadPlan> {
    const requestId = randomUUID();
    const request = controlRequest(applyMessage(transaction), requestId);
    const ended = deferred<ControlMessage>();
    const hear = (message: Message) => {
      if (message.kind === "control" && message.header.requestId === requestId && isEnd(message))
        ended.resolve(message);
    };
    listeners.add(hear);
    // A repetition without an answer is no matter: the end of the provider is looked for below.
    const again = setInterval(() => void requester.ask(request).catch(() => {}), APPLY_POLL_MS);
    const limit = setTimeout(() => ended.reject(stillApplying(timeoutMs)), timeoutMs);
    ended.promise.catch(() => {}); // awaited below, if it comes so far
    try {
      accepted(await orGone(requester.ask(request)));
      const { status } = await orGone(ended.promise);
      if (status.code !== undefined) throw refusal(status);
      return readPlan(status) ?? malformed("apply", "a plan", status);
    } finally {
      clearInterval(again);
      clearTimeout(limit);
      listeners.delete(hear);
    }
  }

  return {
    async command(command) {
      const requestId = randomUUID();
      const tracker = trackCommand(command, { requestId, ask: () => askForTasks(command.transaction), findLoss });
      // Added before the command goes out, so that nothing it sets going is missed.
      listeners.add(tracker.hear);
      const end = () => listeners.delete(tracker.hear);
      try {
        const asking = requester.ask(controlRequest(commandMessage(command), requestId));
        const orders = readOrders(accepted(await orGone(asking))) ?? new Map<string, TaskOrder>();
        const { before } = tracker;
        return { orders, before, settled: (timeoutMs) => tracker.settled(timeoutMs).finally(end) };
      } catch (error) {
        end();
        throw error;
      }
    },
    async running() {
      return (await transactions()).running;
    },
    transactions,
    fileClaim: async () => read(FILE_CLAIM, (await askForNone()).file).value,
    state: (transaction) => orGone(askForTasks(transaction)),
    async top(transaction, asked) {
      const content = await orGone(query(requester, "top", transaction, { ...FIGURES_ONLY, ...asked }));
      return readObjects(content) ?? malformed("top", "a list of figures", content);
    },
    async plan(transaction = "") {
      const content = await orGone(query(requester, "plan", transaction));
      return readPlan(content) ?? malformed("plan", "a plan", content);
    },
    apply,
    [Symbol.asyncDispose]: () => requester[Symbol.asyncDispose](),
  };
}

function isEnd({ header }: ControlMessage): boolean {
  return header.action === "applied" || header.action === "not_applied";
}

function stillApplying(timeoutMs: number): ZcontextError {
  return new ZcontextError("ERR_REQUEST_TIMEOUT", `the change is not done within ${timeoutMs / 1_000} s, and goes on`, {
    hint: "`zcontext plan` shows what is left to be done; wait longer with --timeout.",
  });
}

function answerIn(message: Message): { requestId: string; answer: Message } | undefined {
  const { kind, header } = message;
  const isAnswer = kind === "control" || header.action.startsWith("reply_");
  return isAnswer && header.requestId !== undefined ? { requestId: header.requestId, answer: message } : undefined;
}

function accepted(answer: Message): ControlMessage {
  if (answer.kind !== "control") throw new ZcontextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${answer.kind}`);
  if (answer.header.action === "refused") throw refusal(answer.status);
  return answer;
}

function refusal({ code, reason, details, hint }: JsonObject): ZcontextError {
  return new ZcontextError(isErrorCode(code) ? code : "ERR_MESSAGE_UNKNOWN", String(reason ?? "the provider refused"), {
    details: readWords(details) ?? [],
    ...(typeof hint === "string" && { hint }),
  });
}

function isErrorCode(code: Json | undefined): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

function errorIn(content: Json): JsonObject | undefined {
  return isObject(content) && isObject(content.error) ? content.error : undefined;
}

function malformed(action: string, expected: string, came: Json): never {
  const got = JSON.stringify(came).slice(0, 60);
  throw new ZcontextError("ERR_MESSAGE_MALFORMED", `answer to ${action}: expected ${expected}, got ${got}`);
}

/** @throws {ZcontextError} with the provider's own code and reason where the answer is an error. */
async function query(...asked: Parameters<typeof ask>): Promise<Json> {
  const content = await ask(...asked);
  const error = errorIn(content);
  if (error !== undefined) throw refusal(error);
  return content;
}

async function ask(
  requester: Requester<Message>,
  action: "request" | "top" | "plan",
  transaction: string,
  asked: TopQuery = {},
): Promise<Json> {
  const answer = await requester.ask(controlRequest(queryMessage(action, transaction, asked)));
  if (answer.kind !== "state") throw new ZcontextError("ERR_MESSAGE_UNKNOWN", `an answer of kind ${answer.kind}`);
  return answer.content;
}
