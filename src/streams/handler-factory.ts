// Pairs of a consumer and a producer of one queue, by labels.
import { ZcontextError } from "../errors.ts";
import type { Consumer } from "./contract/consumer.ts";
import type { Producer } from "./contract/producer.ts";
import { consumerClass, producerClass } from "./registry.ts";

/** One queue as it is described. */
export interface PairDescription {
  /** Of the queue. */
  name: string;
  /** Name of a protocol, as in `CONSUMERS`. */
  consumer_loop: string;
  /** Name of a protocol, as in `PRODUCERS`. */
  producer: string;
  /** What is sent by HTTP reaches the consumer of another protocol over a bridge. Default false. */
  bridge?: boolean;
}

/** Both sides of a queue: by name, and in this order. */
export interface Pair extends Iterable<Consumer | Producer> {
  readonly consumer: Consumer;
  readonly producer: Producer;
}

const SAME: { readonly [alias: string]: string } = { POSTHandler: "HTTPHandler" };

/**
 * @example
 * const factory = new HandlerFactory({ queue_1: { name: "queue_1", consumer_loop: "HTTPHandler", producer: "HTTPHandler" } });
 * const [consumer, producer] = factory.get("queue_1");
 */
export class HandlerFactory {
  readonly #descriptions: Map<string, PairDescription>;
  readonly #pairs = new Map<string, Pair>();

  /** @throws {ZcontextError} `ERR_PROTOCOL_UNKNOWN`, and `ERR_USAGE` for a pair that can't work. */
  constructor(descriptions: { readonly [key: string]: PairDescription }) {
    this.#descriptions = new Map(Object.entries(descriptions));
    for (const [key, description] of this.#descriptions) check(key, description);
  }

  /** The pair of a key, made when it is first asked for. @throws {ZcontextError} `ERR_USAGE`, `ERR_QUEUE_NAME`. */
  get(key: string): Pair {
    const made = this.#pairs.get(key);
    if (made !== undefined) return made;
    const description = this.#descriptions.get(key);
    if (description === undefined) {
      const known = [...this.#descriptions.keys()].join(", ");
      throw new ZcontextError("ERR_USAGE", `no queue ${JSON.stringify(key)} is described; have ${known}`);
    }
    const { name, consumer_loop, producer } = description;
    const [ConsumerOf, ProducerOf] = classesOf({ consumer_loop, producer });
    const pair = pairOf(new ConsumerOf(name), new ProducerOf(name));
    this.#pairs.set(key, pair);
    return pair;
  }
}

function pairOf(consumer: Consumer, producer: Producer): Pair {
  return {
    consumer,
    producer,
    *[Symbol.iterator]() {
      yield consumer;
      yield producer;
    },
  };
}

function classesOf({ consumer_loop, producer }: Pick<PairDescription, "consumer_loop" | "producer">) {
  return [consumerClass(consumer_loop), producerClass(producer)] as const;
}

function check(key: string, { consumer_loop, producer, bridge = false }: PairDescription): void {
  classesOf({ consumer_loop, producer });
  const of = (label: string) => SAME[label] ?? label;
  if (of(consumer_loop) === of(producer)) return;
  const isHttp = of(producer) === "HTTPHandler";
  if (isHttp && bridge) return;
  throw new ZcontextError(
    "ERR_USAGE",
    `queue ${key}: what ${producer} sends does not reach ${consumer_loop}; expected the producer ${consumer_loop}`,
    isHttp ? { hint: "Or give bridge: true where a bridge takes HTTP and sends on: see docs/streams.md." } : {},
  );
}
