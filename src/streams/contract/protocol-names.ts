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

/** Those that a service in Python can consume by: it has no client of the others, or no use for it. */
export const PYTHON_PROTOCOLS = [
  "HTTPHandler",
  "RMQIOHandler",
  "ZMQHandler",
] as const satisfies readonly ProtocolName[];

export type ProtocolName = (typeof PROTOCOLS)[number];
