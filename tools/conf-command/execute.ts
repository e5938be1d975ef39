// What `conf-command` does: publishes a message of the caller's own, asks the provider, or commands it. Answers the exit
// code.
import { BOUNDS, connectContext } from "../../src/context/client/client.ts";
import { commandMessage } from "../../src/context/client/command.ts";
import { connectOutbox } from "../../src/link/link.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { writeMessage } from "../../src/protocol/message.ts";
import {
  assertRuns,
  endpointsOf,
  findContext,
  type KnownContext,
  warnOfFault,
  warnOfForeign,
} from "../context-file.ts";
import { answer, answerJson, EXIT } from "../print.ts";
import { ACTIONS, type CommandAction, isAction, isQuery, type QueryAction } from "./actions.ts";
import { bodyFrom, commandFor, type Options, queryFor, transactionIn, usage } from "./command-message.ts";
import { command } from "./command-provider.ts";
import { query } from "./query-provider.ts";

/** Does what the options say; answers the exit code. */
export async function execute(options: Options): Promise<number> {
  if (options.content !== undefined) return publish(options);
  const action = actionIn(options);
  if (action !== "top") assertNothingOfTop(options);
  const { context_file: contextFile } = options;
  const context = await contextFor(action, options);
  const { publish: endpoint, subscribe, isGuessed } = endpointsFor(options, context);
  if (subscribe === undefined) return sendUnconfirmed(action, endpoint, options, context);
  const endpoints = { publish: endpoint, subscribe };
  await using client = await connectContext(endpoints, contextFile === undefined ? {} : { contextFile });
  if (isGuessed && context !== undefined && !isQuery(action))
    await assertRuns(await client.fileClaim(), context.file, endpoint);
  return isQuery(action) ? await query(client, action, options) : await command(client, action, options, context);
}

/** What is known of the context; a start takes the tasks from its file, which must then be in order. */
async function contextFor(
  action: CommandAction | QueryAction | undefined,
  { context_file: file }: Options,
): Promise<KnownContext | undefined> {
  if (file === undefined) return undefined;
  const context = await findContext(file);
  if (context.fault !== undefined && action === "start") throw context.fault;
  warnOfFault(context);
  return context;
}

function actionIn({ action }: Options): CommandAction | QueryAction {
  return isAction(action) ? action : usage("missing --action", `expected one of ${ACTIONS.join(", ")}`);
}

function assertNothingOfTop({ open_connections, opened_files, memory_maps, use_service }: Options): void {
  const ofTop = { use_service, open_connections, opened_files, memory_maps };
  const [given] = Object.entries(ofTop).find(([, isGiven]) => isGiven) ?? [];
  if (given !== undefined) usage(`--${given} requires --action top`, "leave it out, or ask for the figures");
}

/**
 * Where the provider is; without `subscribe` its answers can't be heard. `isGuessed`: commands go where the file says,
 * though no provider has said that it is there.
 */
function endpointsFor(
  { endpoint, subscribe_endpoint: subscribe }: Options,
  context: KnownContext | undefined,
): Partial<Endpoints> & { publish: string; isGuessed?: boolean } {
  if (context !== undefined && (endpoint === undefined || subscribe === undefined)) {
    const found = endpointsOf(context);
    const isForeign = context.presence?.endpoints === undefined;
    if (isForeign) warnOfForeign(context.file, found.publish);
    const isGuessed = isForeign && endpoint === undefined;
    return { publish: endpoint ?? found.publish, subscribe: subscribe ?? found.subscribe, isGuessed };
  }
  const publish =
    endpoint ?? usage("no provider is named", "expected --context_file, or --endpoint and --subscribe_endpoint");
  return { publish, ...(subscribe === undefined ? {} : { subscribe }) };
}

async function sendUnconfirmed(
  action: CommandAction | QueryAction,
  endpoint: string,
  options: Options,
  context: KnownContext | undefined,
): Promise<number> {
  const message = isQuery(action)
    ? queryFor(action, transactionIn(options, action), options)
    : commandMessage(commandFor(action, options, context));
  const { transaction } = message.header;
  await sendOnce(endpoint, writeMessage(message));
  if (options.json) answerJson({ transaction, result: "sent, not confirmed" });
  else answer(`transaction ${transaction || "-"}: sent, not confirmed`);
  return EXIT.done;
}

async function publish(options: Options): Promise<number> {
  const topic = options.topic ?? usage("missing --topic", "--content requires it");
  const context = await contextFor(undefined, options);
  const { publish: endpoint, subscribe, isGuessed } = endpointsFor(options, context);
  // Any message may be a command.
  if (isGuessed && context !== undefined && subscribe !== undefined) {
    await using client = await connectContext({ publish: endpoint, subscribe });
    await assertRuns(await client.fileClaim(), context.file, endpoint);
  }
  await sendOnce(endpoint, { topic, body: bodyFrom(options) });
  if (options.json) answerJson({ topic, result: "sent, not confirmed" });
  else answer(`${topic}: sent, not confirmed`);
  return EXIT.done;
}

async function sendOnce(endpoint: string, frame: Frame): Promise<void> {
  const outbox = await connectOutbox(endpoint, { timeoutMs: BOUNDS.unknown.timeoutMs });
  outbox.publish(frame);
  await outbox.close();
}
