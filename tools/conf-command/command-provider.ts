// Commands a provider, waits until the command has settled, and prints the tasks.
import type { CommandProgress, ContextClient, SettledTask } from "../../src/context/client/client.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { hasProcess, isPending } from "../../src/protocol/task-state.ts";
import type { KnownContext } from "../context-file.ts";
import { answer, EXIT, say } from "../print.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { CommandAction } from "./actions.ts";
import { changesOf, contextNoteOf, noteOf } from "./changes.ts";
import { commandFor, idsIn, type Options, usage } from "./command-message.ts";
import { ordered, printTasks } from "./task-table.ts";

/** How often a start looks again at what runs, when another one was quicker. */
const MOST_TRIES = 3;
/** After how long a command that waits says so, in milliseconds. */
const PROGRESS_MS = 1_000;

/** Sends a command; answers the exit code. */
export async function command(
  client: ContextClient,
  action: CommandAction,
  options: Options,
  context: KnownContext | undefined,
): Promise<number> {
  const toldNotes = notesFor(action, options, context);
  const sent = await send(client, action, options, context).catch((error) => {
    for (const { text } of toldNotes) say(`note: ${text}`);
    throw error;
  });
  if ("running" in sent) return sayWhatRuns(sent.running, options);
  const { transaction, progress } = sent;
  const notes = toldNotes.filter(({ id }) => id === undefined || progress.orders.has(id)).map(({ text }) => text);
  if (!options.json) for (const note of notes) say(`note: ${note}`);
  if (!options.wait) {
    printTasks({ transaction, result: "accepted", notes }, ordered(progress), options);
    return EXIT.done;
  }
  const records = await settled(progress, action, options);
  if (action === "exit" && !options.json) {
    answer("the provider has left");
    return EXIT.done;
  }
  const tasks = records.filter(({ service_id }) => progress.orders.has(service_id));
  const result = resultOf(tasks);
  printTasks({ transaction, result, notes }, tasks, options);
  if (result === "success") return EXIT.done;
  const isPartly = tasks.some(({ lifecycle, outcome }) => lifecycle === "running" && outcome === "success");
  return isPartly ? EXIT.partly : EXIT.failed;
}

type Sent = { transaction: string; progress: CommandProgress } | { running: RunningTransaction[] };

/** Sends the command to the transaction that it names or means; a start of what runs already is not sent. */
async function send(
  client: ContextClient,
  action: CommandAction,
  options: Options,
  context: KnownContext | undefined,
): Promise<Sent> {
  const commandTo = (transaction: string, onlyIfIdle: boolean) =>
    client.command({ ...commandFor(action, { ...options, transaction }, context), onlyIfIdle });
  if (options.transaction)
    return { transaction: options.transaction, progress: await commandTo(options.transaction, false) };
  for (let tries = 1; ; tries += 1) {
    const found = await defaultTransaction(client, action, options, context);
    if ("running" in found) return found;
    const { transaction, onlyIfIdle = false } = found;
    try {
      return { transaction, progress: await commandTo(transaction, onlyIfIdle) };
    } catch (error) {
      // Another start was quicker.
      const isTaken = onlyIfIdle && error instanceof ZcontextError && error.code === "ERR_TASK_ALIVE";
      if (!isTaken || tries === MOST_TRIES) throw error;
    }
  }
}

/** What is to be said of the tasks that the command is for, and of all together. */
function notesFor(
  action: CommandAction,
  options: Options,
  context: KnownContext | undefined,
): { id?: string; text: string }[] {
  if (context === undefined || action === "exit") return [];
  const ids = idsIn(options, context);
  const ofTasks = changesOf(context)
    .filter(({ id }) => ids?.includes(id) ?? true)
    .map((changed) => ({ id: changed.id, text: noteOf(changed, context) }));
  const ofAll = contextNoteOf(context);
  return ofAll === undefined ? ofTasks : [...ofTasks, { text: ofAll }];
}

interface RunningTransaction {
  transaction: string;
  tasks: TaskRecord[];
}

/**
 * The transaction of a command that names none: the only one that runs. A start makes a new one if nothing runs, or if it
 * is told to; a start of the whole context that runs already is none.
 */
async function defaultTransaction(
  client: ContextClient,
  action: CommandAction,
  options: Options,
  context: KnownContext | undefined,
): Promise<{ transaction: string; onlyIfIdle?: boolean } | { running: RunningTransaction[] }> {
  if (action === "exit") return { transaction: "" };
  if (action === "start" && options.new) return { transaction: generateTransaction() };
  const running = await client.running();
  const [only = ""] = running;
  if (action === "start") {
    const living = (await Promise.all(running.map((id) => livingTasks(client, id)))).filter(
      ({ tasks }) => tasks.length > 0,
    );
    if (living.length === 0) return { transaction: generateTransaction(), onlyIfIdle: true };
    if (idsIn(options, context) === undefined) return { running: living };
    if (living.length === 1) return { transaction: living[0]?.transaction ?? "" };
  } else if (running.length === 1) return { transaction: only };
  const expected = running.length === 0 ? "no transaction runs" : `expected one of ${running.join(", ")}`;
  return usage(`--action ${action} requires --transaction`, expected);
}

/** The tasks of a transaction, if one of them runs or is to; none where all have ended. */
async function livingTasks(client: ContextClient, transaction: string): Promise<RunningTransaction> {
  // It may have ended since it was listed.
  const tasks = await client.state(transaction).catch(() => []);
  return {
    transaction,
    tasks: tasks.some(({ lifecycle }) => hasProcess(lifecycle) || isPending(lifecycle)) ? tasks : [],
  };
}

function sayWhatRuns(running: readonly RunningTransaction[], options: Options): number {
  for (const { transaction, tasks } of running) printTasks({ transaction, result: "already running" }, tasks, options);
  const ids = running.map(({ transaction }) => transaction).join(", ");
  say(
    `nothing was started: ${ids} runs. --new starts another transaction; --transaction and --task_id name tasks to start`,
  );
  return EXIT.taken;
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
