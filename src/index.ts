// The public API: what a program imports that embeds a provider, or talks to one.

export {
  type ContextConfig,
  parseContextConfig,
  type TaskServiceConfig,
} from "./config/context-config.ts";
export {
  type ClientOptions,
  type Command,
  type CommandProgress,
  type ContextClient,
  connectContext,
  type SettledTask,
} from "./context/client/client.ts";
export { type Provider, type ProviderOptions, startProvider } from "./context/provider/provider.ts";
export type { Outcome } from "./context/transaction/outcome.ts";
export { ERROR_CODES, type ErrorCode, ZcontextError } from "./errors.ts";
export { connectLink, type Link, type LinkOptions } from "./link/link.ts";
export type { Log, LogFields } from "./log.ts";
export { startMonitor } from "./monitor/publish.ts";
export { createSampler } from "./monitor/sample.ts";
export type { Presence } from "./presence/answer.ts";
export { findPresence } from "./presence/search.ts";
export { decodeFrame, encodeFrame, type Frame } from "./protocol/codec.ts";
export type { Endpoints } from "./protocol/endpoints.ts";
export { type Message, readMessage, writeMessage } from "./protocol/message.ts";
export type { TaskRecord } from "./protocol/task-record.ts";
