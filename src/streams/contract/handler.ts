// What handlers of a stream get. Types alone. Pure.

/** Where a message has come from. */
export interface About {
  queue: string;
  /** Name of the protocol. */
  protocol: string;
  /** Of a message of Kafka. */
  key?: string;
  /** 1 for the first time; more where the protocol has given it before. */
  attempt: number;
  /** Aborted when the consumer waits for its handlers no longer. */
  signal: AbortSignal;
}

/**
 * Handles one message, which is JSON. Returning takes it for handled. A throw is counted and told; what follows from it
 * depends on the protocol: see docs/streams.md.
 */
// A handler says itself what it expects of the message, as of any JSON that is read.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Handler = (message: any, about: About) => unknown;

/** Called with what a handler throws, or with why a message could not be read. */
export type OnError = (error: unknown, about: Pick<About, "queue" | "protocol">) => void;
