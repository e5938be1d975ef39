// Turns control messages into requests: the request id goes into the header, the action names the request. Pure.
import { randomUUID } from "node:crypto";
import { type Message, writeMessage } from "../protocol/message.ts";
import type { Request } from "./request.ts";

/** The request that a message makes; with a fresh id unless one is given. */
export function controlRequest(message: Message, id: string = randomUUID()): Request {
  const header = { ...message.header, requestId: id };
  return { id, frame: writeMessage({ ...message, header }), label: header.action };
}
