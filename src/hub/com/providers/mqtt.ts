// A hub behind any broker of MQTT: topics by name, the desired state and the reported one retained, and a last will that says
// that the node is offline.
import { reasonOf } from "../../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../../protocol/json.ts";
import { type Answer, requestIdOfCommand, type StatusReport } from "../../contract/shapes.ts";
import { filtersOfNode, type NodeAddress, readTopic, topicsOf } from "../../contract/topics.ts";
import { type HubEvents, type HubProvider, ReadingRefused } from "./hub-provider.ts";
import { connectMqtt, type MqttAddress, type MqttLink, VersionRefused } from "./mqtt-link.ts";

export interface MqttHubOptions extends NodeAddress, Pick<MqttAddress, "url" | "login" | "ca"> {
  warn(line: string): void;
}

/** The longest body where the broker names no limit, in bytes. */
const MAX_BYTES = 16 * 2 ** 20;
/** What a packet has beside its body, at most: its topic, and the properties of a reading. */
const HEAD_BYTES = 4 * 1024;

export function createMqttHub(options: MqttHubOptions): HubProvider {
  const { url, login, ca, warn, ...address } = options;
  const topics = topicsOf(address);
  let version: 4 | 5 = 5;

  async function open(events: Parameters<typeof connectMqtt>[1], signal: AbortSignal): Promise<MqttLink> {
    const will = { topic: topics.status, payload: statusOf({ state: "offline" }) };
    // The name of the client is that of the node: a second node of this name would end the connection of the first.
    const clientId = `${address.root}/${address.node}`;
    const connect = () => connectMqtt({ url, clientId, login, ca, will, version }, events, signal);
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof VersionRefused) || version === 4) throw error;
      version = 4;
      return connect();
    }
  }

  return {
    name: "mqtt",
    address: url,
    maxBytes: MAX_BYTES,
    async connect(events, signal) {
      const incoming = createIncoming(address, events, warn);
      const link = await open({ message: incoming.take, lost: events.lost }, signal);
      incoming.answerBy((topic, answer) => link.publish(topic, JSON.stringify(answer)));
      try {
        await link.subscribe(filtersOfNode(address));
      } catch (error) {
        await link.close();
        throw error;
      }
      const maxBytes = Math.min(MAX_BYTES, (link.maxPacketBytes ?? Number.POSITIVE_INFINITY) - HEAD_BYTES);
      const sayStatus = (state: StatusReport["state"]) =>
        link.publish(topics.status, statusOf({ state, time: new Date().toISOString() }), { retain: true });
      return {
        async readTwin() {
          // Retained messages precede the confirmation of what is published behind the subscription.
          await sayStatus("online");
          return { desired: incoming.startTelling() };
        },
        async send({ body, id, source, time }) {
          if (Buffer.byteLength(body) > maxBytes)
            throw new ReadingRefused(`the broker takes at most ${maxBytes} bytes`);
          await link.publish(topics.telemetry, body, { properties: { id, source, time } });
        },
        report: (reported) => link.publish(topics.reported, JSON.stringify(reported), { retain: true }),
        log: (line) => link.publish(topics.log, JSON.stringify(line)),
        beat: () => sayStatus("online"),
        async close() {
          await sayStatus("offline").catch(() => {});
          await link.close();
        },
      };
    },
  };
}

function statusOf(status: StatusReport): string {
  return JSON.stringify(status);
}

type SendAnswer = (topic: string, answer: Answer) => Promise<void>;

/** Takes what arrives for a node. Until the twin is read, the desired state is kept and not told. */
function createIncoming(address: NodeAddress, events: HubEvents, warn: (line: string) => void) {
  const topics = topicsOf(address);
  let desired: JsonObject = {};
  let isTelling = false;
  let send: SendAnswer = async () => {};

  function answer(topic: string, answering: Promise<Answer>): void {
    answering.then((given) => send(topic, given)).catch((error) => warn(`no answer on ${topic}: ${reasonOf(error)}`));
  }

  function takeDesired(payload: Json): void {
    // An empty retained message takes the state back.
    if (!isObject(payload) && payload !== null) return warn(`${topics.desired}: expected an object`);
    desired = payload ?? {};
    if (isTelling) events.desired({ kind: "whole", desired });
  }

  return {
    answerBy(sending: SendAnswer) {
      send = sending;
    },
    startTelling(): JsonObject {
      isTelling = true;
      return desired;
    },
    take(topic: string, bytes: Buffer) {
      const read = readTopic(address.root, topic);
      const payload = readJson(bytes);
      if (read === undefined) return;
      if (payload === undefined) return warn(`${topic}: expected JSON`);
      if (read.kind === "desired") takeDesired(payload);
      if (read.kind === "method") answer(topics.methodAnswer(read.requestId), events.method(read.name, payload));
      if (read.kind === "command")
        answer(topics.commandAnswer(requestIdOfCommand(read.name, payload)), events.command(read.name, payload));
    },
  };
}

/** JSON; null for nothing, and undefined for anything else. */
export function readJson(bytes: Buffer): Json | undefined {
  const text = bytes.toString();
  try {
    return text.trim() === "" ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}
