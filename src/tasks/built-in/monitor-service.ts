// The original's Monitor task: publishes the figures of its transaction on an endpoint of its own. The provider samples
// them and publishes them on the topic `monitor`; this task passes the latest on at the period that it is configured
// with, together with the lists that its options ask for.
import { reasonOf, ZcontextError } from "../../errors.ts";
import { controlRequest } from "../../link/control-request.ts";
import { connectInbox } from "../../link/link.ts";
import { bindPublisher } from "../../link/publisher.ts";
import { connectRequester, type Requester, type RequesterOptions } from "../../link/request.ts";
import { isObject, type Json, type JsonObject, ownMember } from "../../protocol/json.ts";
import { type Message, readMessage } from "../../protocol/message.ts";
import { queryMessage, readPeriodMs, readTopOptions, type TopOptions } from "../../protocol/query.ts";
import { defineService, defineTask, type TaskScope } from "../define.ts";
import type { InnerScope } from "../scope.ts";

interface Configuration {
  publisher?: Destination;
  /** Another name of `publisher`, which the original's README uses. */
  service?: Destination;
  monitor_options?: JsonObject;
  /** Where the original kept records; not supported. */
  db_connection?: JsonObject;
}

interface Destination {
  endpoint?: string;
  /** Seconds between two publications, at least one. */
  frequency_s?: string;
}

export default defineService({
  name: "monitor",
  description: "Publishes the figures of every task in the transaction on an endpoint of its own",
  task: defineTask<Configuration>({ kind: "single", run: publishUntilStopped }),
});

/** The lists that a `top` may bring. */
const LISTS = ["connections", "opened_files", "memory_map"] as const;

async function publishUntilStopped(scope: TaskScope<Configuration>): Promise<void> {
  const { configuration, transaction, log } = scope;
  const { endpoint, periodMs } = readDestination(configuration);
  // Every task process makes its scope with endpoints; the type of user code hides them.
  const { endpoints } = scope as InnerScope<Configuration>;
  if (configuration.db_connection !== undefined)
    log.warn("db_connection: nothing is written to a database; service-context --history keeps records");
  const wanted = readTopOptions(configuration.monitor_options);
  const hasLists = Object.values(wanted).includes(true);

  await using publisher = await bindPublisher(endpoint);
  await using requester = hasLists ? await connectRequester(endpoints, TOP_REQUESTS) : undefined;
  let latest: Json = [];
  const inbox = await connectInbox(endpoints.subscribe, {
    topics: ["monitor"],
    timeoutMs: 0,
    onFrame({ body }) {
      if (isObject(body)) latest = ownMember(body, transaction) ?? latest;
    },
  });
  try {
    while (true) {
      const lists = requester === undefined ? [] : await askForLists(requester, { transaction, wanted, log });
      await publisher.publish({ topic: "monitor", body: { [transaction]: withLists(latest, lists) } });
      await scope.sleep(periodMs);
    }
  } finally {
    await inbox.close();
  }
}

const TOP_REQUESTS: RequesterOptions<Message> = {
  topics: ["state"],
  timeoutMs: 0,
  read(frame) {
    const message = readMessage(frame);
    const { action, requestId } = message.header;
    return action === "reply_top" && requestId !== undefined ? { requestId, answer: message } : undefined;
  },
};

/** What `reply_top` has of each task. Without a usable answer there are no lists, and a warning says why. */
async function askForLists(
  requester: Requester<Message>,
  { transaction, wanted, log }: { transaction: string; wanted: TopOptions; log: TaskScope<Configuration>["log"] },
): Promise<JsonObject[]> {
  try {
    const answer = await requester.ask(controlRequest(queryMessage("top", transaction, wanted)));
    const content = answer.kind === "state" ? answer.content : undefined;
    if (Array.isArray(content)) return content.filter(isObject);
    const refusal = isObject(content) && isObject(content.error) ? content.error : {};
    throw new Error(String(refusal.reason ?? "the answer has no lists"));
  } catch (error) {
    log.warn(`published without the lists of monitor_options: ${reasonOf(error)}`);
    return [];
  }
}

/** The entries, each with the lists of its process. */
function withLists(entries: Json, answers: readonly JsonObject[]): Json {
  if (!Array.isArray(entries)) return entries;
  return entries.map((entry) => {
    if (!isObject(entry)) return entry;
    const found = answers.find(({ service_id, pid }) => service_id === entry.serviceId && pid === entry.pid);
    return { ...entry, ...listsIn(found?.memory) };
  });
}

function listsIn(memory: Json | undefined): JsonObject {
  if (!isObject(memory)) return {};
  return Object.fromEntries(LISTS.flatMap((name) => (memory[name] === undefined ? [] : [[name, memory[name]]])));
}

function readDestination({ publisher, service }: Configuration): { endpoint: string; periodMs: number } {
  const { endpoint, frequency_s } = publisher ?? service ?? {};
  if (endpoint === undefined || endpoint === "") {
    throw new ZcontextError(
      "ERR_SERVICE_INVALID",
      "Monitor: expected <publisher><endpoint>tcp://127.0.0.1:PORT</endpoint></publisher> in its configuration",
    );
  }
  return { endpoint, periodMs: readPeriodMs(frequency_s) };
}
