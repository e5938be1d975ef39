/** A node and its hub: what travels between them. See docs/node.md. */
export {
  type Answer,
  LOG_LEVELS,
  type LogLevel,
  type LogLine,
  type ReadingProperties,
  readAnswer,
  readLogLine,
  readStatus,
  type StatusReport,
} from "./contract/shapes.ts";
export {
  DEFAULT_ROOT,
  filtersOfHub,
  type HubTopics,
  type NodeAddress,
  type OwnTopics,
  readTopic,
  type Topic,
  topicsOf,
} from "./contract/topics.ts";
export { NODE_STATE, type NodeState, nodeStateOf, type Twin } from "./contract/twin.ts";
