// The topics of MQTT on which a node and its hub talk, and what a topic says: whose it is, and what travels there. Pure.
import { ZcontextError } from "../../errors.ts";

/** The first levels of all topics, unless a configuration has others. */
export const DEFAULT_ROOT = "zcontext";

/** Whose topics they are. */
export interface NodeAddress {
  /** One level or several, such as `zcontext` or `plant/7`. */
  root: string;
  /** One level. */
  node: string;
}

/** What a node publishes. `telemetry` and `log` are not retained; the others are. */
export interface OwnTopics {
  telemetry: string;
  reported: string;
  log: string;
  /** `StatusReport`; the broker says in the node's place that it is offline. */
  status: string;
  /** Where the answer to a method goes. */
  methodAnswer(requestId: string): string;
  /** Where the answer to a command goes. Its request id is its name where its payload has none. */
  commandAnswer(requestId: string): string;
}

/** What a node is told. */
export interface HubTopics {
  /** Retained: the whole desired state. */
  desired: string;
  method(name: string, requestId: string): string;
  command(name: string): string;
}

/** The topics of one node. */
export function topicsOf(address: NodeAddress): OwnTopics & HubTopics {
  const base = baseOf(address);
  return {
    telemetry: `${base}/telemetry`,
    desired: `${base}/twin/desired`,
    reported: `${base}/twin/reported`,
    log: `${base}/log`,
    status: `${base}/status`,
    method: (name, requestId) => `${base}/methods/${level(name, "a method")}/${level(requestId, "a request id")}`,
    methodAnswer: (requestId) => `${base}/methods/res/${level(requestId, "a request id")}`,
    command: (name) => `${base}/commands/${level(name, "a command")}`,
    commandAnswer: (requestId) => `${base}/commands/res/${level(requestId, "a request id")}`,
  };
}

/** What a node subscribes to. */
export function filtersOfNode(address: NodeAddress): string[] {
  const base = baseOf(address);
  return [`${base}/twin/desired`, `${base}/methods/+/+`, `${base}/commands/+`];
}

/** What a hub subscribes to, for the nodes of a root. */
export function filtersOfHub(root: string): string[] {
  const base = `${checkedRoot(root)}/+`;
  const ends = ["telemetry", "twin/reported", "methods/res/+", "commands/res/+", "log", "status"];
  return ends.map((end) => `${base}/${end}`);
}

/** What a topic says. */
export type Topic = { node: string } & (
  | { kind: "telemetry" | "desired" | "reported" | "log" | "status" }
  | { kind: "method"; name: string; requestId: string }
  | { kind: "command"; name: string }
  | { kind: "method-answer" | "command-answer"; requestId: string }
);

/** Reads a topic; undefined for one that is of another root or means nothing to a node and its hub. */
export function readTopic(root: string, topic: string): Topic | undefined {
  if (!topic.startsWith(`${root}/`)) return undefined;
  const [node = "", ...rest] = topic.slice(root.length + 1).split("/");
  if (node === "") return undefined;
  const kind = PLAIN[rest.join("/")];
  if (kind !== undefined) return { node, kind };
  const [branch, name = "", requestId] = rest;
  if (name === "" || requestId === "" || rest.length > 3) return undefined;
  if (branch === "methods" && requestId !== undefined)
    return name === ANSWERS ? { node, kind: "method-answer", requestId } : { node, kind: "method", name, requestId };
  if (branch !== "commands") return undefined;
  if (requestId === undefined) return { node, kind: "command", name };
  return name === ANSWERS ? { node, kind: "command-answer", requestId } : undefined;
}

const PLAIN: Readonly<Record<string, "telemetry" | "desired" | "reported" | "log" | "status">> = Object.assign(
  Object.create(null),
  { telemetry: "telemetry", "twin/desired": "desired", "twin/reported": "reported", log: "log", status: "status" },
);
const ANSWERS = "res";

/** A level of a topic: not empty, and without the signs that separate or stand for levels. */
const LEVEL = /^[^/+#\p{C}]{1,128}$/u;

function baseOf({ root, node }: NodeAddress): string {
  return `${checkedRoot(root)}/${level(node, "the node")}`;
}

function checkedRoot(root: string): string {
  const levels = root.split("/").map((one) => level(one, "the root"));
  // The broker keeps topics that begin with $ for itself.
  if (root.startsWith("$")) throw invalid("the root", root);
  return levels.join("/");
}

function level(text: string, what: string): string {
  if (LEVEL.test(text)) return text;
  throw invalid(what, text);
}

function invalid(what: string, got: string): ZcontextError {
  return new ZcontextError(
    "ERR_CONFIG_INVALID",
    `${what} in a topic: expected 1 to 128 characters without /, + and #, got ${JSON.stringify(got)}`,
  );
}
