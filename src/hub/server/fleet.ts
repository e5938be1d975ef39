// What a hub knows of its nodes, and what each message of theirs changes in it. Bounded: any program that reaches the broker
// may say anything. Pure.
import { isObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { ShownLine, ShownNode, ShownReading } from "../contract/page.ts";
import { readAnswer, readLogLine, readStatus } from "../contract/shapes.ts";
import type { SignInRequest } from "../contract/sign-in.ts";
import { readTopic, type Topic } from "../contract/topics.ts";
import { NODE_STATE, nodeStateOf, VERSION, versionOf } from "../contract/twin.ts";

/** What is kept of a node; also on disk. */
export interface NodeRecord extends Omit<ShownNode, "desired"> {
  /** The whole desired state, as it is retained at the broker. */
  desired: JsonObject;
  /** Ids of the last readings, which may come twice. */
  ids: readonly string[];
}

export interface Arrival {
  topic: string;
  payload: Buffer;
  /** User properties of MQTT 5. */
  properties: Readonly<Record<string, unknown>>;
  /** As ISO 8601. */
  time: string;
}

export const MAX_NODES = 1_000;
const MAX_READINGS = 20;
const MAX_LINES = 100;
const MAX_PAYLOAD_BYTES = 65_536;
/** Of a reading or a line on the page. */
const MAX_SHOWN_CHARACTERS = 2_000;

export interface Fleet {
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** @returns the node that it is of; undefined where it changes nothing. */
  take(root: string, arrival: Arrival): string | undefined;
  signedIn(request: SignInRequest, time: string): void;
  /** The desired state with these switches, to be retained at the broker. */
  wanted(node: string, change: { enabled: boolean; debug: boolean }): JsonObject;
}

export function createFleet(kept: Iterable<NodeRecord> = []): Fleet {
  const nodes = new Map([...kept].map((record) => [record.node, record]));

  function find(node: string, time: string): NodeRecord | undefined {
    const known = nodes.get(node);
    if (known !== undefined || nodes.size >= MAX_NODES) return known;
    return {
      node,
      state: "unknown",
      since: time,
      desired: {},
      reported: {},
      services: [],
      readings: [],
      lines: [],
      ids: [],
    };
  }

  function change(node: string, time: string, how: (record: NodeRecord) => Partial<NodeRecord> | undefined) {
    const record = find(node, time);
    const changed = record && how(record);
    if (record === undefined || changed === undefined) return undefined;
    nodes.set(node, { ...record, ...changed });
    return node;
  }

  return {
    nodes,
    take(root, arrival) {
      const topic = readTopic(root, arrival.topic);
      if (topic === undefined || arrival.payload.length > MAX_PAYLOAD_BYTES) return undefined;
      const value = parse(arrival.payload);
      if (value === undefined) return undefined;
      return change(topic.node, arrival.time, (record) => changeBy(record, topic, value, arrival));
    },
    signedIn({ node, services }, time) {
      change(node, time, ({ lines }) => ({
        services: services.slice(0, MAX_LINES),
        lines: latest(lines, { time, source: "hub", level: "debug", text: "the node has signed in" }, MAX_LINES),
      }));
    },
    wanted(node, { enabled, debug }) {
      const desired: JsonObject = nodes.get(node)?.desired ?? {};
      const before = desired[NODE_STATE];
      const state = { ...(isObject(before) && before), enabled, debug };
      return { ...desired, [NODE_STATE]: state, [VERSION]: (versionOf(desired) ?? 0) + 1 };
    },
  };
}

function changeBy(record: NodeRecord, topic: Topic, value: Json, { time, properties }: Arrival) {
  switch (topic.kind) {
    case "telemetry":
      return withReading(record, value, { time, properties });
    case "status": {
      const status = readStatus(value);
      if (status === undefined) return undefined;
      return status.state === record.state ? {} : { state: status.state, since: status.time ?? time };
    }
    case "reported":
      return isObject(value) ? { reported: value } : undefined;
    case "desired":
      return isObject(value) ? { desired: value } : undefined;
    case "log": {
      const line = readLogLine(value);
      if (line === undefined) return undefined;
      const { description } = line;
      const text = description === undefined ? line.text : `${line.text} (${description})`;
      return { lines: latest(record.lines, { ...pick(line), text: cut(text) }, MAX_LINES) };
    }
    case "command-answer":
    case "method-answer": {
      const answer = readAnswer(value);
      if (answer === undefined) return undefined;
      const text = cut(`${topic.requestId}: ${answer.status} ${JSON.stringify(answer.payload)}`);
      const level = answer.status < 300 ? "debug" : "error";
      return { lines: latest(record.lines, { time, source: "answer", level, text }, MAX_LINES) };
    }
    default:
      return undefined;
  }
}

function withReading(record: NodeRecord, body: Json, { time, properties }: Pick<Arrival, "time" | "properties">) {
  const { id, source, time: submitted } = properties;
  if (typeof id === "string" && record.ids.includes(id)) return undefined;
  const reading: ShownReading = {
    time: typeof submitted === "string" ? submitted : time,
    source: typeof source === "string" ? source : "",
    body: JSON.stringify(body).length > MAX_SHOWN_CHARACTERS ? cut(JSON.stringify(body)) : body,
  };
  const ids = typeof id === "string" ? latest(record.ids, id, MAX_READINGS) : record.ids;
  return { readings: latest(record.readings, reading, MAX_READINGS), ids };
}

/** What the page shows of a node. */
export function shownNode({ ids: _, desired, ...record }: NodeRecord): ShownNode {
  const { enabled, debug } = nodeStateOf(desired);
  return { ...record, desired: { enabled, debug } };
}

function pick({ time, source, level }: ShownLine): Omit<ShownLine, "text"> {
  return { time, source, level };
}

function latest<T>(before: readonly T[], item: T, most: number): T[] {
  return [item, ...before].slice(0, most);
}

function cut(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}

function parse(payload: Buffer): Json | undefined {
  try {
    return JSON.parse(payload.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}
