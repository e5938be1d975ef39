// What a provider does about the one before it that was killed: ends what that has left, and goes on with what it ran.
import type { Log } from "../../log.ts";
import type { Cookie } from "../../processes/cookie.ts";
import type { StuckProcess } from "../../processes/signaller.ts";
import { sweepLeftovers } from "../../processes/sweep.ts";
import type { ProcessTable } from "../../processes/table.ts";
import type { Journal } from "../journal/journal.ts";
import type { Resumable } from "../journal/recall.ts";
import type { Transactions } from "../transaction/transactions.ts";

/** Ends what a provider of this file has left that died with its guard; its processes are ours to end now. */
export async function clearLeftovers(owner: Omit<Cookie, "run">, table: ProcessTable, log: Log): Promise<void> {
  const onStuck = (survivors: StuckProcess[]) =>
    log.error({ survivors }, "left behind by an earlier provider, can't be ended");
  const leftovers = await sweepLeftovers(owner, { table, onStuck });
  if (leftovers.length > 0) log.warn({ leftovers }, "ended what an earlier provider had left behind");
}

/** Goes on with what was running; answers the transactions. */
export function resume(before: Resumable, transactions: Transactions, log: Log): string[] {
  const resumed = before.transactions.flatMap((transaction) => {
    const { id } = transaction;
    const tasks = transactions.resume(transaction);
    // It was being stopped, and is over by now.
    if (transactions.find(id) === undefined) return [];
    log.warn({ transaction: id, tasks }, "resumed what an earlier provider was running when it died");
    return [id];
  });
  transactions.recall(before.ended);
  return resumed;
}

/** Has it stay what it is, ended, for all providers to come; answers no transactions. */
export function forget(before: Resumable, journal: Pick<Journal, "write">, log: Log): string[] {
  for (const { id, tasks } of before.transactions) {
    const wanted = tasks.filter(({ isWanted }) => isWanted).map((task) => task.id);
    log.warn({ transaction: id, tasks: wanted }, "not resumed, as told");
  }
  if (before.transactions.length + before.ended.length > 0) journal.write({ kind: "left" });
  return [];
}
