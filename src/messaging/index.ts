// The public face `zcontext/messaging`: messages between services, for any program.
export type { QueueFigures } from "../protocol/bus-figures.ts";
export type { BridgeOptions } from "./bridge.ts";
export type {
  BusOptions,
  CallOptions,
  EmitOptions,
  IncomingSignal,
  ListenOptions,
  Method,
  MethodCall,
} from "./bus-types.ts";
export type { MessageStorage, MessageStorage as MessageStorageManager } from "./claims/claim-check.ts";
export { createFileStorage } from "./claims/file-storage.ts";
export { createMemoryStorage } from "./claims/memory-storage.ts";
export type { ConnectOptions } from "./connect.ts";
export type {
  DeadLetter,
  Durability,
  Engine,
  Operations,
  Receipt,
  ServedService,
  Subscription,
  TapFilter,
  TapHandler,
  TappedMessage,
} from "./contract/engine.ts";
export { CallError, NonRetryableError, ServiceError } from "./contract/service-error.ts";
export { EventBus } from "./event-bus.ts";
export type { ReceivedEvent } from "./received-event.ts";
export type { RetryPolicy } from "./retry.ts";
export type { AnySchema, JsonSchema, StandardSchema, TypeOf } from "./schema-type.ts";
export { openRedisStorage } from "./servers/open-redis-storage.ts";
