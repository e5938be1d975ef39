// Builds the `overview`: the sum of each transaction, and what the provider itself takes. Pure.
import type { JsonObject } from "../protocol/json.ts";
import type { Accounts } from "./accounts.ts";
import { asList, figuresIn, type MonitoredTransaction } from "./entries.ts";
import { sumOf } from "./figures.ts";
import type { OwnCost } from "./own-cost.ts";
import type { Sample } from "./sample.ts";

export interface About {
  contextId: string;
  /** In milliseconds since 1970. */
  atMs: number;
  cost: OwnCost;
  /** The forwarder's process, while it has one. */
  forwarderPid: number | undefined;
}

/** The body of `overview`. Adds this sample to the accounts, and drops those of transactions that have ended. */
export function overviewOf(
  transactions: readonly MonitoredTransaction[],
  { sample, accounts, about }: { sample: Sample; accounts: Accounts; about: About },
): JsonObject {
  const { contextId, atMs, forwarderPid } = about;
  const { sampling, ...provider } = about.cost;
  accounts.keepOnly(new Set(transactions.map(({ transaction }) => transaction)));
  return {
    context_id: contextId,
    timestamp: atMs / 1_000,
    provider,
    sampling,
    ...forwarderIn(sample, forwarderPid),
    transactions: Object.fromEntries(
      transactions.map((each) => [each.transaction, sumOfTransaction(each, sample, accounts)]),
    ),
  };
}

function forwarderIn(sample: Sample, pid: number | undefined): JsonObject {
  const figures = pid === undefined ? undefined : sample.get(pid);
  if (pid === undefined || figures === undefined) return {};
  return { forwarder: { pid, cpu_percent: figures.cpu_percent, rss: figures.rss } };
}

function sumOfTransaction(
  { transaction, tasks }: MonitoredTransaction,
  sample: Sample,
  accounts: Accounts,
): JsonObject {
  const living = tasks.flatMap((task) =>
    asList(figuresIn(sample, task)).map((own) => ({ ...own, pid: Number(task.pid) })),
  );
  const processes = living.reduce((count, { children = [] }) => count + 1 + children.length, 0);
  const sum = sumOf(living.map((figures) => figures.total ?? figures));
  return { tasks: tasks.length, processes, ...sum, ...accounts.add(transaction, living) };
}
