// Commands a provider, waits until the command has settled, and prints the tasks.
import type { ContextConfig } from "../../src/config/context-config.ts";
import type { CommandProgress, ContextClient, SettledTask } from "../../src/context/client/client.ts";
import { answer, EXIT, say } from "../print.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { CommandAction } from "./actions.ts";
import { commandFor, type Options, usage } from "./command-message.ts";
import { ordered, printTasks } from "./task-table.ts";

/** After how long a command that waits says so, in milliseconds. */
const PROGRESS_MS = 1_000;

/** Sends a command; answers the exit code. */
export async function command(
  client: ContextClient,
  action: CommandAction,
  options: Options,
  config: ContextConfig | undefined,
): Promise<number> {
  const transaction = options.transaction || (await defaultTransaction(client, action));
  const progress = await client.command(commandFor(action, { ...options, transaction }, config));
  if (!options.wait) {
    printTasks({ transaction, result: "accepted" }, ordered(progress), options);
    return EXIT.done;
  }
  const records = await settled(progress, action, options);
  if (action === "exit" && !options.json) {
    answer("the provider has left");
    return EXIT.done;
  }
  const tasks = records.filter(({ service_id }) => progress.orders.has(service_id));
  const result = resultOf(tasks);
  printTasks({ transaction, result }, tasks, options);
  if (result === "success") return EXIT.done;
  const isPartly = tasks.some(({ lifecycle, outcome }) => lifecycle === "running" && outcome === "success");
  return isPartly ? EXIT.partly : EXIT.failed;
}

/** The transaction of a command that names none: a new one to start, or else the only one that runs. */
async function defaultTransaction(client: ContextClient, action: CommandAction): Promise<string> {
  if (action === "start") return generateTransaction();
  if (action === "exit") return "";
  const running = await client.running();
  const [only = ""] = running;
  if (running.length === 1) return only;
  const expected = running.length === 0 ? "no transaction runs" : `expected one of ${running.join(", ")}`;
  return usage(`--action ${action} requires --transaction`, expected);
}

async function settled(progress: CommandProgress, action: CommandAction, options: Options): Promise<SettledTask[]> {
  const names = [...progress.orders.keys()].join(", ") || "the provider";
  const timer = setTimeout(() => say(`waiting for ${action} of ${names} …`), PROGRESS_MS);
  return progress.settled(options.timeout * 1_000).finally(() => clearTimeout(timer));
}

function resultOf(tasks: readonly SettledTask[]): "success" | "failure" | "superseded" {
  const outcomes = tasks.map(({ outcome }) => outcome);
  if (outcomes.includes("failure")) return "failure";
  return outcomes.includes("superseded") ? "superseded" : "success";
}
