// The public face `zcontext/streams`: producers and consumers of queues, over whatever protocol.
export { ConsumerFactory, type Route } from "./consumer-factory.ts";
export { ConsumerRunner, type RunnerOptions, type RunOptions } from "./consumer-runner.ts";
export { Consumer, type ConsumerCall, type ConsumerOptions } from "./contract/consumer.ts";
export { type StreamFigures, streamFigures } from "./contract/figures.ts";
export type { About, Handler, OnError } from "./contract/handler.ts";
export { Producer } from "./contract/producer.ts";
export { HandlerFactory, type Pair, type PairDescription } from "./handler-factory.ts";
export type { HttpConsumerOptions, HttpConsuming } from "./protocols/http/http-consumer.ts";
export type { HttpProducerOptions, HttpSending } from "./protocols/http/http-producer.ts";
export {
  CONSUMER_LOOPS,
  CONSUMERS,
  type ConsumerClass,
  consumerClass,
  PRODUCERS,
  type ProducerClass,
  producerClass,
  registerProtocol,
} from "./registry.ts";

/** Names of protocols, for `ConsumerFactory`, `PRODUCERS` and `CONSUMERS`. */
export const HTTP = "HTTPHandler";
export const IN_PROCESS = "AsyncIOHandler";
