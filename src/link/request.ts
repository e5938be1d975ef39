import { randomUUID } from "node:crypto";
import { deferred } from "../deferred.ts";
import { ZcontextError } from "../errors.ts";
import type { Frame } from "../protocol/codec.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { type Message, readMessage, writeMessage } from "../protocol/message.ts";
import { connectLink } from "./link.ts";

/** Somebody who asks on the bus and hears what is said. */
export interface Requester extends AsyncDisposable {
  /**
   * Publishes a message under its request id, or a fresh one, and waits for the answer that repeats it.
   *
   * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` when nobody answers in time.
   */
  ask(message: Message): Promise<Message>;
}

export interface RequesterOptions {
  topics: readonly string[];
  /** Whether a message answers somebody, rather than asks. */
  isAnswer(message: Message): boolean;
  /** Everything heard but our own. */
  onMessage(message: Message): void;
  timeoutMs?: number;
  /** How long to wait for an answer, in milliseconds. Default 5_000. */
  answerMs?: number;
}

/** When a request without an answer is sent again, in milliseconds. */
const REPEAT_MS = 500;

/**
 * Joins the bus as somebody who asks.
 *
 * @throws {ZcontextError} `ERR_BUS_UNREACHABLE` as `connectLink`.
 */
export async function connectRequester(endpoints: Endpoints, options: RequesterOptions): Promise<Requester> {
  const { topics, isAnswer, onMessage, timeoutMs = 2_000, answerMs = 5_000 } = options;
  const waiting = new Map<string, (answer: Message) => void>();
  const timers = new Set<NodeJS.Timeout>();
  const link = await connectLink(endpoints, { topics, timeoutMs, hearsItself: false, onFrame: hear });

  function hear(frame: Frame): void {
    const message = readMessage(frame);
    const { requestId } = message.header;
    onMessage(message);
    if (requestId !== undefined && isAnswer(message)) waiting.get(requestId)?.(message);
  }

  async function ask(message: Message): Promise<Message> {
    const { requestId = randomUUID() } = message.header;
    const { promise, resolve, reject } = deferred<Message>();
    const timer = setTimeout(() => reject(unanswered(message, answerMs)), answerMs);
    const send = () => void link.publish(writeMessage({ ...message, header: { ...message.header, requestId } }));
    // The bus may lose a request or its answer, when the forwarder dies; the request id tells that it is the same one.
    const again = setInterval(send, REPEAT_MS);
    timers.add(timer).add(again);
    waiting.set(requestId, resolve);
    send();
    return promise.finally(() => {
      for (const one of [timer, again]) {
        clearTimeout(one);
        timers.delete(one);
      }
      waiting.delete(requestId);
    });
  }

  return {
    ask,
    async [Symbol.asyncDispose]() {
      // What was not answered yet is nobody's business any more, and keeps no process alive.
      timers.forEach(clearTimeout);
      await link.close();
    },
  };
}

function unanswered({ header: { action } }: Message, timeoutMs: number): ZcontextError {
  return new ZcontextError("ERR_REQUEST_TIMEOUT", `nobody answered "${action}" within ${timeoutMs / 1_000} s`, {
    hint: "The forwarder is there, but no provider listens behind it; look at the provider's log.",
  });
}
