// What the tests publish and hear on a link.

import { connectLink } from "../../src/link/link.ts";
import type { Frame } from "../../src/protocol/codec.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { type ControlMessage, type Message, readMessage, stampOf, writeMessage } from "../../src/protocol/message.ts";
import { BOUND_MS } from "./bound.ts";
import { awaitEvents, type Recording } from "./recording.ts";

export const ANY_PORT: Endpoints = { publish: "tcp://127.0.0.1:*", subscribe: "tcp://127.0.0.1:*" };

/** What a task says about itself. */
export function announcement(serviceId: string, action: string, items: JsonObject = {}): ControlMessage {
  return {
    kind: "control",
    header: { action, serviceId, serviceName: `service_${serviceId}`, transaction: "T1" },
    status: { device_action: "", result: "success", ...items },
  };
}

/** The same, as it travels. */
export function announced(serviceId: string, action: string, items: JsonObject = {}): Frame {
  return writeMessage(announcement(serviceId, action, items));
}

export interface Ear extends AsyncDisposable {
  readonly heard: Recording<Message>;
}

/** Listens to these topics, from now until it is disposed of. */
export async function listen(endpoints: Endpoints, ...topics: string[]): Promise<Ear> {
  const heard = awaitEvents<Message>(`what was said on ${topics}`, ({ header }) => JSON.stringify(header));
  const link = await connectLink(endpoints, {
    topics,
    timeoutMs: BOUND_MS,
    onFrame: (frame) => heard.add(readMessage(frame)),
  });
  return { heard, [Symbol.asyncDispose]: link.close };
}

/** The numbers that publishers have given to their frames. */
export function sequencesOf(frames: readonly Frame[]): (number | undefined)[] {
  return frames.map((frame) => stampOf(frame)?.sequence);
}

/** 1, 2, 3 … */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
