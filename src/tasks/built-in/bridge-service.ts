// The built-in instance Bridge: consumes a queue over one protocol and sends it over another. What can't be sent now is tried
// until it can be or the task stops, so that a message that was accepted is not given up while the other side is away.
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { Json } from "../../protocol/json.ts";
import { type Producer, producerClass } from "../../streams/index.ts";
import { defineService, defineTask, type TaskScope } from "../define.ts";

interface Configuration {
  /** Names of protocols. */
  from?: string;
  to?: string;
  queue?: string;
  /** Of Kafka: the name of the member of a message whose value is its key. Default: no key. */
  key?: string;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** What another try can't change. */
const FINAL = ["ERR_MESSAGE_TOO_LARGE", "ERR_USAGE", "ERR_PROTOCOL_UNKNOWN", "ERR_ENGINE_MISSING", "ERR_QUEUE_NAME"];

export default defineService({
  name: "bridge",
  description: "Consumes a queue over one protocol and sends it over another",
  task: defineTask<Configuration>({
    streams: (configuration) => {
      const { from: protocol, to, queue, key } = complete(configuration);
      const producer = new (producerClass(to))(queue);
      return {
        [queue]: {
          protocol,
          async handle(message, scope) {
            const value = key === undefined ? undefined : Object(message)[key];
            await sendPatiently(producer, message, value === undefined ? {} : { key: String(value) }, scope);
          },
        },
      };
    },
  }),
});

async function sendPatiently(
  producer: Producer,
  message: Json,
  options: object,
  { signal, sleep, log }: TaskScope<Configuration>,
): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await producer.send(message, options);
    } catch (error) {
      const isFinal = error instanceof ZcontextError && FINAL.includes(error.code);
      if (isFinal || signal.aborted) throw error;
      log.warn(`queue ${producer.queue} over ${producer.protocol} waits: ${reasonOf(error)}`);
      await sleep(pauseMs);
    }
  }
}

function complete({ from, to, queue, key }: Configuration) {
  if (from !== undefined && to !== undefined && queue !== undefined) return { from, to, queue, key };
  throw new ZcontextError("ERR_SERVICE_INVALID", "Bridge: expected <from>, <to> and <queue> in its configuration", {
    hint: "Such as <from>HTTPHandler</from><to>KafkaHandler</to><queue>orders</queue>.",
  });
}
