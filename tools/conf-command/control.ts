// What `conf-command` does, once its words are understood.

import type { ContextConfig } from "../../src/config/context-config.ts";
import {
  type Command,
  type CommandProgress,
  type ContextClient,
  connectContext,
  type SettledTask,
} from "../../src/context/client/client.ts";
import { commandMessage } from "../../src/context/client/command.ts";
import { connectOutbox } from "../../src/link/link.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { writeMessage } from "../../src/protocol/message.ts";
import { readPeriodMs } from "../../src/protocol/query.ts";
import { findEndpoints, readContextFile } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { generateTransaction } from "../transaction-id.ts";
import { ACTIONS, QUERIES } from "./actions.ts";
import { bodyFrom, commandFor, type Options, queryOf, topQueryIn, transactionIn, usage } from "./command-message.ts";
import { ordered, printTasks, printTop } from "./task-table.ts";

/** From when on a command that waits says so, in milliseconds. */
const PROGRESS_MS = 1_000;

/** Sends what the options say and waits for what becomes of it; answers the exit code. */
export async function control(options: Options): Promise<number> {
  if (options.content !== undefined) return publish(options);
  const action = options.action ?? usage("missing --action", `one of ${ACTIONS.join(", ")}`);
  if (action !== "top") assertNothingOfTop(options);
  const config = options.context_file === undefined ? undefined : await readContextFile(options.context_file);
  const { publish: to, subscribe } = await endpointsFor(options, config);
  if (subscribe === undefined) return sendUnheard(action, to, options, config);
  const { context_file: contextFile } = options;
  const client = await connectContext({ publish: to, subscribe }, contextFile === undefined ? {} : { contextFile });
  try {
    return isQuery(action) ? await query(client, action, options) : await command(client, action, options, config);
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

function assertNothingOfTop({ open_connections, opened_files, memory_maps, use_service }: Options): void {
  const [given] =
    Object.entries({ use_service, open_connections, opened_files, memory_maps }).find(([, is]) => is) ?? [];
  if (given !== undefined) usage(`--${given} is for --action top`, "leave it out, or ask for figures");
}

async function endpointsFor(
  options: Options,
  config: ContextConfig | undefined,
): Promise<Partial<Endpoints> & { publish: string }> {
  const { context_file: file, endpoint, subscribe_endpoint: subscribe } = options;
  if (file !== undefined && config !== undefined && (endpoint === undefined || subscribe === undefined)) {
    const found = await findEndpoints(file, config);
    return { publish: endpoint ?? found.publish, subscribe: subscribe ?? found.subscribe };
  }
  const publish =
    endpoint ?? usage("where is the provider?", "--context_file FILE, or --endpoint and --subscribe_endpoint");
  return { publish, ...(subscribe === undefined ? {} : { subscribe }) };
}

// --- queries ---------------------------------------------------------------------------------------------------------

async function query(client: ContextClient, action: string, options: Options): Promise<number> {
  const transactions = options.transaction ? [options.transaction] : await client.running();
  if (transactions.length === 0 && !options.json) answer("no transaction runs");
  if (transactions.length > 1 && options.use_service)
    usage("--use_service needs --transaction", `running are ${transactions.join(", ")}`);
  for (const transaction of transactions) {
    if (transactions.length > 1 && action === "top" && !options.json) answer(`transaction ${transaction}`);
    if (action === "top") await showTop(client, transaction, options);
    else printTasks({ transaction, result: "success" }, await client.state(transaction), options);
  }
  return EXIT.done;
}

async function showTop(client: ContextClient, transaction: string, options: Options): Promise<void> {
  printTop(transaction, await client.top(transaction, topQueryIn(options)), options);
  if (!options.use_service) return;
  const { service_type: type, service_endpoint: endpoint, service_freq: asked } = options;
  if (type === "none") return say(`${endpoint} publishes transaction ${transaction} no longer`);
  // As the provider reads it: no more often than once a second.
  const seconds = readPeriodMs(asked) / 1_000;
  say(
    `${endpoint} publishes transaction ${transaction} every ${seconds} s until it is over; --service_type none ends it`,
  );
}

// --- commands --------------------------------------------------------------------------------------------------------

async function command(
  client: ContextClient,
  action: string,
  options: Options,
  config: ContextConfig | undefined,
): Promise<number> {
  const transaction = options.transaction || (await transactionMeant(client, action));
  const wanted = commandFor(action, { ...options, transaction }, config);
  const progress = await client.command(wanted);
  if (!options.wait) {
    printTasks({ transaction, result: "accepted" }, ordered(progress), options);
    return EXIT.done;
  }
  const records = await watched(progress, wanted, options);
  if (action === "exit" && !options.json) {
    answer("the provider has left");
    return EXIT.done;
  }
  const tasks = records.filter(({ service_id }) => service_id in progress.orders);
  const result = resultOf(tasks);
  printTasks({ transaction, result }, tasks, options);
  if (result === "success") return EXIT.done;
  const isPartly = tasks.some(({ lifecycle, outcome }) => lifecycle === "running" && outcome === "success");
  return isPartly ? EXIT.partly : EXIT.failed;
}

function resultOf(tasks: readonly SettledTask[]): "success" | "failure" | "superseded" {
  const outcomes = tasks.map(({ outcome }) => outcome);
  if (outcomes.includes("failure")) return "failure";
  return outcomes.includes("superseded") ? "superseded" : "success";
}

// Who names no transaction means the one that runs; a start makes a new one.
async function transactionMeant(client: ContextClient, action: string): Promise<string> {
  if (action === "start") return generateTransaction();
  if (action === "exit") return "";
  const running = await client.running();
  const [only = ""] = running;
  return running.length === 1
    ? only
    : usage(`--action ${action} needs --transaction`, `running are ${running.join(", ") || "none"}`);
}

async function watched(progress: CommandProgress, { action }: Command, options: Options): Promise<SettledTask[]> {
  const timer = setTimeout(
    () => say(`waiting for ${action} of ${Object.keys(progress.orders).join(", ") || "the provider"} …`),
    PROGRESS_MS,
  );
  return progress.settled(options.timeout * 1_000).finally(() => clearTimeout(timer));
}

// --- messages nobody answers -------------------------------------------------------------------------------------------

async function sendUnheard(
  action: string,
  endpoint: string,
  options: Options,
  config: ContextConfig | undefined,
): Promise<number> {
  const wanted = isQuery(action) ? undefined : commandFor(action, options, config);
  const transaction = wanted?.transaction ?? transactionIn(options, action);
  const message = wanted === undefined ? queryOf(action, transaction, options) : commandMessage(wanted);
  await sendOnce(endpoint, writeMessage(message));
  if (options.json) answerJson({ transaction, result: "sent, not confirmed" });
  else answer(`transaction ${transaction || "-"}: sent, not confirmed`);
  return EXIT.done;
}

async function publish(options: Options): Promise<number> {
  const topic = options.topic ?? usage("missing --topic", "--content goes with --topic");
  const config = options.context_file === undefined ? undefined : await readContextFile(options.context_file);
  const { publish: endpoint } = await endpointsFor(options, config);
  await sendOnce(endpoint, { topic, body: bodyFrom(options) });
  if (options.json) answerJson({ topic, result: "sent, not confirmed" });
  else answer(`${topic}: sent, not confirmed`);
  return EXIT.done;
}

async function sendOnce(endpoint: string, frame: Frame): Promise<void> {
  const outbox = await connectOutbox(endpoint, { timeoutMs: 1_500 });
  outbox.publish(frame);
  await outbox.close();
}

function isQuery(action: string): boolean {
  return (QUERIES as readonly string[]).includes(action);
}
