// A hub at Azure IoT: the topics of a device, a twin with versions, direct methods, and tokens that run out. Commands come as
// messages to the device with the property `command`; their answers and lines of services are messages of the device with the
// property `kind`.
import { randomUUID } from "node:crypto";
import { type Deferred, deferred } from "../../../deferred.ts";
import { reasonOf } from "../../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../../protocol/json.ts";
import { requestIdOfCommand } from "../../contract/shapes.ts";
import { patchBetween } from "../../contract/twin.ts";
import {
  eventTopic,
  filtersOfDevice,
  MAX_MESSAGE_BYTES,
  methodAnswer,
  readAzureTopic,
  twinGet,
  twinPatch,
  userNameOf,
} from "./azure-topics.ts";
import { type HubEvents, type HubProvider, ReadingRefused } from "./hub-provider.ts";
import { readJson } from "./mqtt.ts";
import { connectMqtt, type MqttAddress } from "./mqtt-link.ts";
import { type DeviceCredentials, sasToken } from "./sas.ts";

export interface AzureHubOptions extends Pick<MqttAddress, "ca"> {
  credentials: DeviceCredentials;
  /** Default: `mqtts://<host name>:8883`. */
  url?: string | undefined;
  /** How long a token is valid, in milliseconds. Default: an hour. */
  tokenMs?: number;
  warn(line: string): void;
}

const TOKEN_MS = 3_600_000;
/** The part of its life after which a token is renewed. */
const RENEWED_AT = 0.8;
/** How long an answer about the twin may take, in milliseconds. */
const TWIN_MS = 30_000;
/** What the properties of a message take of its size, in bytes. */
const HEAD_BYTES = 4 * 1024;

export function createAzureHub({ credentials, url, ca, tokenMs = TOKEN_MS, warn }: AzureHubOptions): HubProvider {
  const { hostName, deviceId } = credentials;
  const address = url ?? `mqtts://${hostName}:8883`;
  const maxBytes = MAX_MESSAGE_BYTES - HEAD_BYTES;
  return {
    name: "azure-mqtt",
    address,
    maxBytes,
    async connect(events, signal) {
      const twin = createTwinRequests();
      const incoming = createIncoming(deviceId, events, { twin, warn });
      const login = {
        user: userNameOf(hostName, deviceId),
        pass: sasToken(credentials, Math.floor((Date.now() + tokenMs) / 1_000)),
      };
      const link = await connectMqtt(
        { url: address, clientId: deviceId, login, ca, version: 4 },
        { message: incoming.take, lost: events.lost },
        signal,
      );
      const publish = (topic: string, payload: string) => link.publish(topic, payload);
      const say = (kind: string, payload: unknown, more: Readonly<Record<string, string>> = {}) =>
        publish(eventTopic(deviceId, { ...ENCODED, kind, ...more }), JSON.stringify(payload));
      incoming.answerBy({
        method: (requestId, { status, payload }) => publish(methodAnswer(status, requestId), JSON.stringify(payload)),
        command: (requestId, answer) => say("answer", answer, { rid: requestId }),
      });
      try {
        await link.subscribe(filtersOfDevice(deviceId));
      } catch (error) {
        await link.close();
        throw error;
      }
      let known: JsonObject = {};
      const readTwin = async () => {
        const { payload } = await twin.ask((requestId) => publish(twinGet(requestId), ""));
        const { desired, reported } = Object(payload);
        known = isObject(reported) ? withoutVersion(reported) : {};
        return { desired: isObject(desired) ? desired : {}, reported: known };
      };
      return {
        renewAfterMs: tokenMs * RENEWED_AT,
        readTwin,
        async send({ body, id, source, time }) {
          if (Buffer.byteLength(body) > maxBytes) throw new ReadingRefused(`Azure takes at most ${maxBytes} bytes`);
          await publish(eventTopic(deviceId, { "$.mid": id, ...ENCODED, source, time }), body);
        },
        async report(reported) {
          const patch = patchBetween(known, reported);
          if (Object.keys(patch).length === 0) return;
          await twin.ask((requestId) => publish(twinPatch(requestId), JSON.stringify(patch)));
          known = structuredClone(reported);
        },
        log: (line) => say("log", line),
        async beat() {
          await readTwin();
        },
        close: link.close,
      };
    },
  };
}

/** The body is JSON, which the hub can look into. */
const ENCODED = { "$.ct": "application/json", "$.ce": "utf-8" };

function withoutVersion({ $version: _, ...state }: JsonObject): JsonObject {
  return state;
}

interface TwinAnswer {
  payload: Json;
}

/** Requests about the twin, and their answers by request id. */
function createTwinRequests() {
  const waiting = new Map<string, Deferred<TwinAnswer>>();
  return {
    async ask(send: (requestId: string) => Promise<void>): Promise<TwinAnswer> {
      const requestId = randomUUID();
      const answer = deferred<TwinAnswer>();
      const late = () => answer.reject(new Error(`the hub has not answered about the twin within ${TWIN_MS} ms`));
      const timer = setTimeout(late, TWIN_MS);
      waiting.set(requestId, answer);
      answer.promise.catch(() => {});
      try {
        await send(requestId);
        return await answer.promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(requestId);
      }
    },
    answered(requestId: string, status: number, payload: Json): void {
      const answer = waiting.get(requestId);
      if (status >= 200 && status < 300) answer?.resolve({ payload });
      else answer?.reject(new Error(`the hub has answered about the twin with status ${status}`));
    },
  };
}

type Answered = Awaited<ReturnType<HubEvents["command"]>>;

interface Answering {
  method(requestId: string, answer: Answered): Promise<void>;
  command(requestId: string, answer: Answered): Promise<void>;
}

function createIncoming(
  deviceId: string,
  events: HubEvents,
  { twin, warn }: { twin: ReturnType<typeof createTwinRequests>; warn(line: string): void },
) {
  let send: Answering | undefined;

  function answer(kind: keyof Answering, requestId: string, answering: Promise<Answered>): void {
    answering
      .then((given) => send?.[kind](requestId, given))
      .catch((error) => warn(`no answer to ${kind} ${requestId}: ${reasonOf(error)}`));
  }

  return {
    answerBy(answering: Answering) {
      send = answering;
    },
    take(topic: string, bytes: Buffer) {
      const read = readAzureTopic(topic, deviceId);
      const payload = readJson(bytes);
      if (read === undefined) return;
      if (payload === undefined) return warn(`${topic.replace(/\?.*$/, "")}: expected JSON`);
      if (read.kind === "twin-answer") twin.answered(read.requestId, read.status, payload);
      if (read.kind === "desired" && isObject(payload))
        events.desired({ kind: "patch", desired: payload, version: read.version });
      if (read.kind === "method") answer("method", read.requestId, events.method(read.name, payload));
      if (read.kind === "message") {
        const { command, rid } = read.properties;
        if (command === undefined) return warn("a message to the device has no property command");
        answer("command", rid ?? requestIdOfCommand(command, payload), events.command(command, payload));
      }
    },
  };
}
