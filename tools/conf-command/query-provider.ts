// Asks a provider for the state of its transactions, or for their figures, and prints the answer.
import type { ContextClient } from "../../src/context/client/client.ts";
import { ZcontextError } from "../../src/errors.ts";
import { readPeriodMs } from "../../src/protocol/query.ts";
import { answer, EXIT, say } from "../print.ts";
import type { QueryAction } from "./actions.ts";
import { type Options, topQueryIn, usage } from "./command-message.ts";
import { printFigures } from "./figures-table.ts";
import { printTasks } from "./task-table.ts";

/**
 * Asks about one transaction, or about all that run; for their state, about those as well that are over and are still
 * shown. Answers the exit code.
 */
export async function query(client: ContextClient, action: QueryAction, options: Options): Promise<number> {
  const { running, ended } = await client.transactions();
  const shown = action === "top" ? running : [...running, ...ended];
  const transactions = options.transaction ? [options.transaction] : shown;
  if (transactions.length === 0)
    throw new ZcontextError("ERR_TRANSACTION_UNKNOWN", "no transaction runs", {
      hint: "Start one with `conf-command --action start --context_file <file>`.",
    });
  if (transactions.length > 1 && options.use_service)
    usage("--use_service requires --transaction", `expected one of ${transactions.join(", ")}`);
  for (const transaction of transactions) {
    if (transactions.length > 1 && action === "top" && !options.json) answer(`transaction ${transaction}`);
    if (action === "top") await showFigures(client, transaction, options);
    else {
      const isOver = ended.includes(transaction);
      printTasks({ transaction, result: "success", isOver }, await client.state(transaction), options);
    }
  }
  return EXIT.done;
}

async function showFigures(client: ContextClient, transaction: string, options: Options): Promise<void> {
  printFigures(transaction, await client.top(transaction, topQueryIn(options)), options);
  if (!options.use_service) return;
  const { service_type: type, service_endpoint: endpoint, service_freq: frequency } = options;
  if (type === "none") return say(`${endpoint} no longer publishes transaction ${transaction}`);
  // As the provider reads it: it publishes no more often than once a second.
  const seconds = readPeriodMs(frequency) / 1_000;
  say(
    `${endpoint} publishes transaction ${transaction} every ${seconds} s until it is over; --service_type none ends it`,
  );
}
