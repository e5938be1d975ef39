// The built-in instance Bridge: consumes a queue over one protocol and sends it over another. What can't be sent now is tried
// until it can be or the task stops, so that a message that was accepted is not given up while the other side is away.
import { reasonOf, ZcontextError } from "../../errors.ts";
import { patiently } from "../../patience.ts";
import { producerClass } from "../../streams/index.ts";
import { defineService, defineTask } from "../define.ts";

interface Configuration {
  /** Names of protocols. */
  from?: string;
  to?: string;
  queue?: string;
  /** Of Kafka: the name of the member of a message whose value is its key. Default: no key. */
  key?: string;
}

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
            const options = value === undefined ? {} : { key: String(value) };
            await patiently(() => producer.send(message, options), {
              signal: scope.signal,
              onWait: (error) => scope.log.warn(`queue ${queue} over ${to} waits: ${reasonOf(error)}`),
            });
          },
        },
      };
    },
  }),
});

function complete({ from, to, queue, key }: Configuration) {
  if (from !== undefined && to !== undefined && queue !== undefined) return { from, to, queue, key };
  throw new ZcontextError("ERR_SERVICE_INVALID", "Bridge: expected <from>, <to> and <queue> in its configuration", {
    hint: "Such as <from>HTTPHandler</from><to>KafkaHandler</to><queue>orders</queue>.",
  });
}
