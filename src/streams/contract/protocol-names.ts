// The protocols that come with zcontext. Pure.

/** Those that a consumer can have. A producer of `HTTPHandler` is `POSTHandler` as well. */
export const PROTOCOLS = [
  "HTTPHandler",
  "RMQIOHandler",
  "KafkaHandler",
  "NATSHandler",
  "ZMQHandler",
  "AsyncIOHandler",
] as const;

export type ProtocolName = (typeof PROTOCOLS)[number];
