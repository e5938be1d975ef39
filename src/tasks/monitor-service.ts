// The original's Monitor task: publishes the figures of its transaction on an endpoint of its own. The provider samples
// and publishes them on the bus; this hands the latest on, at its own pace.
import { connectInbox } from "../bus/bus.ts";
import { bindPublisher } from "../bus/publisher.ts";
import { ContextError } from "../errors.ts";
import { isObject, type Json } from "../protocol/json.ts";
import { defineService, defineTask, type TaskScope } from "./define.ts";
import type { InnerScope } from "./scope.ts";

interface Configuration {
  publisher?: Destination;
  /** The README era's name for `publisher`. */
  service?: Destination;
}

interface Destination {
  endpoint?: string;
  /** Seconds between two publications, at least one. */
  frequency_s?: string;
}

const MAX_PERIOD_S = 86_400;

export default defineService({
  name: "monitor",
  description: "Publishes the figures of every task in the transaction on an endpoint of its own",
  task: defineTask<Configuration>({ kind: "single", run: publishUntilStopped }),
});

async function publishUntilStopped(scope: TaskScope<Configuration>): Promise<void> {
  const { endpoint, periodMs } = readDestination(scope.configuration);
  const { endpoints } = scope as InnerScope<Configuration>;
  let latest: Json = [];
  const publisher = await bindPublisher(endpoint);
  const inbox = await connectInbox(endpoints.subscribe, {
    topics: ["monitor"],
    timeoutMs: 0,
    onFrame({ body }) {
      if (isObject(body)) latest = body[scope.transaction] ?? latest;
    },
  });
  try {
    while (true) {
      await publisher.publish({ topic: "monitor", body: { [scope.transaction]: latest } });
      await scope.sleep(periodMs);
    }
  } finally {
    await publisher[Symbol.asyncDispose]();
    await inbox.close();
  }
}

function readDestination({ publisher, service }: Configuration): { endpoint: string; periodMs: number } {
  const { endpoint, frequency_s = "1" } = publisher ?? service ?? {};
  if (endpoint === undefined || endpoint === "") {
    throw new ContextError(
      "ERR_SERVICE_INVALID",
      "Monitor: expected <publisher><endpoint>tcp://127.0.0.1:PORT</endpoint></publisher> in its configuration",
    );
  }
  return { endpoint, periodMs: Math.min(Math.max(1, Number(frequency_s) || 1), MAX_PERIOD_S) * 1_000 };
}
