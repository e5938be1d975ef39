// Answers queries: how a transaction stands or has ended, and the figures of its processes.

import { planJson, type ReloadPlan } from "../../config/planned-change.ts";
import { type ErrorCode, reasonOf, ZcontextError } from "../../errors.ts";
import type { InputFaults } from "../../input-faults.ts";
import type { Log } from "../../log.ts";
import { claimJson, type FileClaim } from "../../presence/kinship.ts";
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { StateMessage } from "../../protocol/message.ts";
import { readPublicationRequest, readTopOptions, type TopOptions } from "../../protocol/query.ts";
import type { TransactionRecord } from "../../protocol/task-record.ts";
import * as report from "../transaction/report.ts";
import type { Transaction } from "../transaction/transaction.ts";
import type { Transactions, Watched } from "../transaction/transactions.ts";
import type { ControlChannel } from "./control-channel.ts";
import type { ReplyWord } from "./dispatch.ts";
import type { Publications } from "./publications.ts";
import { faultJson, type ReloadScope } from "./reload.ts";

export interface RepliesOptions {
  transactions: Pick<Transactions, "find" | "running" | "ended" | "watch">;
  /** Which file the provider runs, as that stands now. */
  fileClaim(): Promise<FileClaim>;
  channel: Pick<ControlChannel, "publish">;
  /** The figures of a transaction's processes. */
  top(watched: Watched, options: TopOptions): Promise<JsonObject[]>;
  /** What a reload would do now. */
  plan(scope: ReloadScope): Promise<ReloadPlan>;
  publications: Publications;
  inputFaults: InputFaults;
  log: Log;
}

export interface Replies {
  /** A query that is repeated while it is being answered gets the same answer. */
  answer(query: StateMessage, action: Exclude<ReplyWord, "reply_plan">): Promise<void>;
  plan(query: StateMessage, scope: ReloadScope): Promise<void>;
  refuse(query: StateMessage, action: ReplyWord, code: ErrorCode, reason: string): Promise<void>;
}

export function createReplies({ transactions, fileClaim, channel, ...options }: RepliesOptions): Replies {
  const { top, publications, inputFaults, log } = options;
  /** The queries that are being answered. */
  const answering = new Set<string>();

  async function answer(query: StateMessage, action: Exclude<ReplyWord, "reply_plan">): Promise<void> {
    const { transaction: id } = query.header;
    const transaction = transactions.find(id);
    const record = transaction?.record ?? recordOfEnded(transactions, id);
    if (record === undefined) return;
    try {
      const isState = action === "reply_context" || transaction === undefined;
      const found = isState ? record : await figuresFor(transaction, query.content);
      if (channel.publish(report.reply(query.header, action, found))) return;
      throw new ZcontextError("ERR_MESSAGE_MALFORMED", "the answer is longer than a message may be: ask for less");
    } catch (error) {
      const reason = reasonOf(error);
      if (!(error instanceof ZcontextError)) return log.error({ transaction: id, reason }, "no figures");
      inputFaults.add("query refused", { transaction: id, code: error.code, reason });
      await refuse(query, action, error.code, reason);
    }
  }

  async function refuse({ header }: StateMessage, action: ReplyWord, code: ErrorCode, reason: string): Promise<void> {
    const file = claimJson(await fileClaim());
    const [running, ended] = [transactions.running(), transactions.ended().map(({ transaction }) => transaction)];
    channel.publish(report.errorReply(header, action, code, reason, { running, ended, file }));
  }

  async function figuresFor(transaction: Transaction, content: Json): Promise<JsonObject[]> {
    const asked = isObject(content) ? content.configuration : undefined;
    const wanted = readTopOptions(asked);
    const publication = readPublicationRequest(asked);
    if (publication !== undefined) await publications.ask(transaction.id, publication, wanted);
    return top(transactions.watch(transaction), wanted);
  }

  async function answerPlan(query: StateMessage, scope: ReloadScope): Promise<void> {
    const content = await options.plan(scope).then(planJson, (error: unknown) => ({ error: faultJson(error) }));
    channel.publish(report.reply(query.header, "reply_plan", content));
  }

  async function once({ header: { requestId } }: StateMessage, reply: () => Promise<void>): Promise<void> {
    if (requestId === undefined) return reply();
    if (answering.has(requestId)) return;
    answering.add(requestId);
    await reply().finally(() => answering.delete(requestId));
  }

  return {
    answer: (query, action) => once(query, () => answer(query, action)),
    plan: (query, scope) => once(query, () => answerPlan(query, scope)),
    refuse,
  };
}

/** How a transaction that is over has ended, as far as it is still known. */
export function recordOfEnded(transactions: Pick<Transactions, "ended">, id: string): TransactionRecord | undefined {
  return transactions.ended().find(({ transaction }) => transaction === id)?.record;
}
