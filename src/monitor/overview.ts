// Builds the `overview`: the sum of each transaction, and what the provider itself takes. Pure.
import type { BusState, QueueFigures } from "../protocol/bus-figures.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Accounts } from "./accounts.ts";
import { asList, figuresIn, type MonitoredTransaction } from "./entries.ts";
import { sumOf } from "./figures.ts";
import type { OwnCost } from "./own-cost.ts";
import type { Sample } from "./sample.ts";

/** Queues in an overview; senders, and pairs of signals. */
const [MAX_QUEUES, MAX_SENDERS] = [200, 200];

export interface About {
  contextId: string;
  /** In milliseconds since 1970. */
  atMs: number;
  cost: OwnCost;
  /** The other processes of the provider, while it has them. */
  companions: { readonly [name in "forwarder" | "broker"]: number | undefined };
  /** Undefined while nobody has needed a broker. */
  bus: BusState | undefined;
}

/** The body of `overview`. Adds this sample to the accounts, and drops those of transactions that have ended. */
export function overviewOf(
  transactions: readonly MonitoredTransaction[],
  { sample, accounts, about }: { sample: Sample; accounts: Accounts; about: About },
): JsonObject {
  const { contextId, atMs, companions, bus } = about;
  const { sampling, ...provider } = about.cost;
  accounts.keepOnly(new Set(transactions.map(({ transaction }) => transaction)));
  return {
    context_id: contextId,
    timestamp: atMs / 1_000,
    provider,
    sampling,
    ...companionIn(sample, "forwarder", companions.forwarder),
    ...companionIn(sample, "broker", companions.broker),
    ...(bus === undefined ? {} : { bus: shownOf(bus) }),
    transactions: Object.fromEntries(
      transactions.map((each) => [each.transaction, sumOfTransaction(each, sample, accounts)]),
    ),
  };
}

/** The queues with the most events, and what does not belong to one queue. */
function shownOf({ figures, trouble }: BusState): JsonObject {
  const about = trouble === undefined ? {} : { trouble };
  if (figures === undefined) return { ...about, queues: [] };
  const { members, calls, queues, senders, signals } = figures;
  const length = ({ ready, in_flight, delayed, dead }: QueueFigures) => ready + in_flight + delayed + dead;
  const shown = queues.toSorted((one, other) => length(other) - length(one)).slice(0, MAX_QUEUES);
  return {
    ...about,
    members,
    calls,
    queues: shown.map((queue) => ({ ...queue })),
    left_out: queues.length - shown.length,
    senders: senders.slice(0, MAX_SENDERS).map((sender) => ({ ...sender })),
    signals: signals.slice(0, MAX_SENDERS).map((signal) => ({ ...signal })),
  };
}

function companionIn(sample: Sample, name: string, pid: number | undefined): JsonObject {
  const figures = pid === undefined ? undefined : sample.get(pid);
  if (pid === undefined || figures === undefined) return {};
  return { [name]: { pid, cpu_percent: figures.cpu_percent, rss: figures.rss } };
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
