// The protocols by name. An unknown name is refused where it is used, with the names that are known.
import { ZcontextError } from "../errors.ts";
import type { Consumer } from "./contract/consumer.ts";
import type { Producer } from "./contract/producer.ts";
import type { ProtocolName } from "./contract/protocol-names.ts";
import { NatsConsumer, NatsProducer, ZmqConsumer, ZmqProducer } from "./protocols/bus/bus-streams.ts";
import { HttpConsumer } from "./protocols/http/http-consumer.ts";
import { HttpProducer } from "./protocols/http/http-producer.ts";
import { InProcessConsumer, InProcessProducer } from "./protocols/in-process/in-process.ts";
import { KafkaConsumer } from "./protocols/kafka/kafka-consumer.ts";
import { KafkaProducer } from "./protocols/kafka/kafka-producer.ts";
import { RabbitmqConsumer, RabbitmqProducer } from "./protocols/rabbitmq/rabbitmq-streams.ts";

// Options differ by protocol, and a name that is chosen at run time says nothing of them.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ProducerClass = new (queue: string, options?: any) => Producer<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ConsumerClass = new (queue: string, options?: any) => Consumer<any, any>;

/** Classes by the name of their protocol. Reading an unknown one throws `ERR_PROTOCOL_UNKNOWN`. */
type Registry<Class, BuiltIn> = { readonly [name: string]: Class } & Readonly<BuiltIn>;

const BUILT_IN_PRODUCERS = {
  HTTPHandler: HttpProducer,
  POSTHandler: HttpProducer,
  RMQIOHandler: RabbitmqProducer,
  KafkaHandler: KafkaProducer,
  NATSHandler: NatsProducer,
  ZMQHandler: ZmqProducer,
  AsyncIOHandler: InProcessProducer,
};
const BUILT_IN_CONSUMERS = {
  HTTPHandler: HttpConsumer,
  RMQIOHandler: RabbitmqConsumer,
  KafkaHandler: KafkaConsumer,
  NATSHandler: NatsConsumer,
  ZMQHandler: ZmqConsumer,
  AsyncIOHandler: InProcessConsumer,
} satisfies { readonly [Name in ProtocolName]: ConsumerClass };

const producers = new Map<string, ProducerClass>(Object.entries(BUILT_IN_PRODUCERS));
const consumers = new Map<string, ConsumerClass>(Object.entries(BUILT_IN_CONSUMERS));

/** What sends to a queue, by protocol. */
export const PRODUCERS = registryOf<ProducerClass, typeof BUILT_IN_PRODUCERS>("producer", producers);
/** What consumes a queue, by protocol. */
export const CONSUMER_LOOPS = registryOf<ConsumerClass, typeof BUILT_IN_CONSUMERS>("consumer", consumers);
/** @alias The same as `CONSUMER_LOOPS`. */
export const CONSUMERS = CONSUMER_LOOPS;

/**
 * Adds a protocol, or replaces one.
 *
 * @param name - By which it is chosen.
 * @param classes - They extend `Producer` and `Consumer`; a protocol may have one of them alone.
 */
export function registerProtocol(
  name: string,
  { producer, consumer }: { producer?: ProducerClass; consumer?: ConsumerClass },
): void {
  if (name === "") throw new ZcontextError("ERR_USAGE", "a protocol needs a name");
  if (producer !== undefined) producers.set(name, producer);
  if (consumer !== undefined) consumers.set(name, consumer);
}

/** @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`. */
export function producerClass(name: string): ProducerClass {
  return known("producer", producers, name);
}

/** @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`. */
export function consumerClass(name: string): ConsumerClass {
  return known("consumer", consumers, name);
}

function known<Class>(kind: string, classes: ReadonlyMap<string, Class>, name: string): Class {
  const found = classes.get(name);
  if (found !== undefined) return found;
  const names = [...classes.keys()].join(", ");
  throw new ZcontextError(
    "ERR_PROTOCOL_UNKNOWN",
    `no ${kind} for the protocol ${JSON.stringify(name)}; have ${names}`,
    {
      hint: "Another one is added by registerProtocol(name, { producer, consumer }).",
    },
  );
}

function registryOf<Class, BuiltIn>(kind: string, classes: ReadonlyMap<string, Class>): Registry<Class, BuiltIn> {
  const property = (name: string | symbol) =>
    typeof name === "string" && classes.has(name)
      ? { value: classes.get(name), enumerable: true, configurable: true }
      : undefined;
  return new Proxy({} as Registry<Class, BuiltIn>, {
    get: (_, name) => (typeof name === "string" ? known(kind, classes, name) : undefined),
    has: (_, name) => property(name) !== undefined,
    ownKeys: () => [...classes.keys()],
    getOwnPropertyDescriptor: (_, name) => property(name),
    set() {
      throw new ZcontextError("ERR_USAGE", "a protocol is added by registerProtocol(name, { producer, consumer })");
    },
  });
}
