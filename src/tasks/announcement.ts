// What a task announces, as the frame that carries it, and back. Pure.
import type { Frame } from "../protocol/codec.ts";
import { ALL, CONTEXT_NAME, type MessageFrame, readMessage, writeMessage } from "../protocol/message.ts";
import type { Announcement, Items } from "./define.ts";

/** What a task is about to announce. */
export interface OwnAnnouncement {
  action: string;
  result: "success" | "failure";
  items: Items;
}

/** The task that announces it. */
export interface Announcer {
  transaction: string;
  serviceId: string;
  serviceName: string;
  deviceAction: string;
}

export function writeAnnouncement(
  { transaction, serviceId, serviceName, deviceAction }: Announcer,
  { action, result, items }: OwnAnnouncement,
): MessageFrame {
  return writeMessage({
    kind: "control",
    header: { action, serviceId, serviceName, transaction },
    status: { device_action: deviceAction, result, ...items },
  });
}

/** Names in which the provider or a client speaks on `control`, and no task: states, answers, refusals and commands. */
const NO_TASK: readonly string[] = [CONTEXT_NAME, ALL, "state"];
const COMMANDS: readonly string[] = ["start", "stop", "restart", "exit"];

/** What a frame announces of a task of the transaction; undefined for anything else that travels on `control`. */
export function readAnnouncement(frame: Frame, transaction: string): Announcement | undefined {
  const message = readMessage(frame);
  if (message.kind !== "control" || message.header.transaction !== transaction) return undefined;
  const { action, serviceId, serviceName } = message.header;
  if (serviceId === "" || NO_TASK.includes(serviceName) || COMMANDS.includes(action)) return undefined;
  return { action, serviceId, serviceName, status: message.status as Items };
}
