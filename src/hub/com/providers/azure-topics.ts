// The topics of a device at Azure IoT Hub, and what a topic says. Pure.

/** The version of the interface, which is a part of the user name. */
export const API_VERSION = "2021-04-12";
/** The longest message, in bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024;

/** What a device subscribes to. */
export function filtersOfDevice(deviceId: string): string[] {
  return [
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
    `devices/${deviceId}/messages/devicebound/#`,
  ];
}

export function userNameOf(hostName: string, deviceId: string): string {
  return `${hostName}/${deviceId}/?api-version=${API_VERSION}`;
}

/** Where a message of the device goes; `properties` travel in the topic. */
export function eventTopic(deviceId: string, properties: Readonly<Record<string, string>>): string {
  return `devices/${deviceId}/messages/events/${bagOf(properties)}`;
}

export const twinGet = (requestId: string) => `$iothub/twin/GET/?$rid=${requestId}`;
export const twinPatch = (requestId: string) => `$iothub/twin/PATCH/properties/reported/?$rid=${requestId}`;
export const methodAnswer = (status: number, requestId: string) => `$iothub/methods/res/${status}/?$rid=${requestId}`;

/** What a hub says on a topic. */
export type FromAzure =
  | { kind: "twin-answer"; status: number; requestId: string; version: number | undefined }
  | { kind: "desired"; version: number }
  | { kind: "method"; name: string; requestId: string }
  | { kind: "message"; properties: Readonly<Record<string, string>> };

/** Reads a topic; undefined for one that means nothing to a device. */
export function readAzureTopic(topic: string, deviceId: string): FromAzure | undefined {
  const answer = /^\$iothub\/twin\/res\/(\d{3})\/\?(.*)$/.exec(topic);
  if (answer !== null) {
    const { $rid: requestId = "", $version } = readBag(answer[2] ?? "");
    return {
      kind: "twin-answer",
      status: Number(answer[1]),
      requestId,
      version: $version === undefined ? undefined : Number($version),
    };
  }
  const desired = /^\$iothub\/twin\/PATCH\/properties\/desired\/\?(.*)$/.exec(topic);
  if (desired !== null) return { kind: "desired", version: Number(readBag(desired[1] ?? "").$version) };
  const method = /^\$iothub\/methods\/POST\/([^/]+)\/\?(.*)$/.exec(topic);
  if (method !== null) return { kind: "method", name: method[1] ?? "", requestId: readBag(method[2] ?? "").$rid ?? "" };
  const messages = `devices/${deviceId}/messages/devicebound/`;
  return topic.startsWith(messages)
    ? { kind: "message", properties: readBag(topic.slice(messages.length)) }
    : undefined;
}

export function bagOf(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
}

export function readBag(text: string): Record<string, string> {
  const pairs = text.split("&").flatMap((pair): [string, string][] => {
    const [name = "", value = ""] = pair.split("=", 2);
    return name === "" ? [] : [[decode(name), decode(value)]];
  });
  return Object.fromEntries(pairs);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
