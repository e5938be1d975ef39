// The public face: what a program that embeds a provider, or talks to one, imports.
export { type Bus, type BusOptions, connectBus } from "./bus/bus.ts";
export {
  type ContextConfig,
  type Endpoints,
  parseContextConfig,
  type TaskServiceConfig,
} from "./config/context-config.ts";
export {
  type ClientOptions,
  type Command,
  type ContextClient,
  connectContext,
  type Progress,
  type SettledTask,
} from "./context/client.ts";
export { findPresence, type Presence } from "./context/presence.ts";
export { type Provider, type ProviderOptions, startProvider } from "./context/provider.ts";
export type { TaskRecord } from "./context/record.ts";
export type { Outcome } from "./context/transactions.ts";
export { ContextError, ERROR_CODES, type ErrorCode } from "./errors.ts";
export type { Log, LogFields } from "./log.ts";
export { startMonitor } from "./monitor/publish.ts";
export { createSampler } from "./monitor/sample.ts";
export { decodeFrame, encodeFrame, type Frame } from "./protocol/codec.ts";
export { type Message, readMessage, writeMessage } from "./protocol/message.ts";
