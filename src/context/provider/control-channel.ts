// The provider's own link to the forwarder. Nothing that comes in or goes out here can throw: any peer may publish, and
// a message that can't be read, handled or sent is an incident, never the end of the provider.
import { randomUUID } from "node:crypto";
import { reasonOf } from "../../errors.ts";
import type { InputFaults } from "../../input-faults.ts";
import { connectLink } from "../../link/link.ts";
import { type UnclaimedTopics, watchUnclaimedTopics } from "../../link/unclaimed-topics.ts";
import type { Log } from "../../log.ts";
import { decodeFrame, ENDING_TOPIC, type Frame, STREAMS_TOPIC, TOLD_TOPICS } from "../../protocol/codec.ts";
import type { Endpoints } from "../../protocol/endpoints.ts";
import { type Message, writeMessage } from "../../protocol/message.ts";

export interface ControlChannel extends AsyncDisposable {
  /** Of the provider's publisher; its own messages don't come back. */
  readonly incarnation: string;
  /** False when the frame can't travel, which has been reported. */
  send(frame: Frame): boolean;
  publish(message: Message): boolean;
  /** Publishes, and resolves when every subscriber could hear it, or the forwarder has had its chance. */
  publishThrough(message: Message, chanceMs?: number): Promise<void>;
  /** Resolves when the forwarder has brought what was published before, or has had its chance. */
  caughtUp(): Promise<void>;
  /** Commands to tasks may come on this topic from now on. */
  listen(topic: string): void;
  /** Hands on what comes in, beginning with what has come already. */
  receive(handler: (frame: Frame) => void): void;
}

export interface ControlChannelOptions {
  /** Topics that the file's tasks are commanded on. */
  taskTopics: readonly string[];
  inputFaults: InputFaults;
  log: Log;
}

/** How long a message may take to come back from the forwarder before we go on without it, in milliseconds. */
const ECHO_CHANCE_MS = 100;
/** The forwarder is our own and has bound: it is only slow, on a busy machine, or is being replaced. In milliseconds. */
const CONNECT_MS = 30_000;

/**
 * Links the provider to its forwarder.
 *
 * @throws {ZcontextError} `ERR_PROVIDER_UNREACHABLE` when the forwarder does not answer.
 */
export async function openControlChannel(
  endpoints: Endpoints,
  { taskTopics, inputFaults, log }: ControlChannelOptions,
): Promise<ControlChannel> {
  const heard = new Set(["context", "process", "control", "state", ...taskTopics]);
  // For round trips without content.
  const echoTopic = `~${randomUUID()}`;
  const early: Frame[] = [];
  let handler = (frame: Frame): void => void early.push(frame);
  const link = await connectLink(endpoints, {
    topics: [...heard, ENDING_TOPIC, STREAMS_TOPIC, echoTopic],
    hearsItself: false,
    timeoutMs: CONNECT_MS,
    onFrame: handle,
    onMalformed: ({ message: reason }) => inputFaults.add("malformed message", { reason }),
  });
  const unclaimed = await watchOrLeave();

  async function watchOrLeave(): Promise<AsyncDisposable> {
    try {
      return watchUnclaimedTopics(endpoints.subscribe, {
        commandTopics: heard,
        otherTopics: new Set([...TOLD_TOPICS, ENDING_TOPIC, STREAMS_TOPIC, echoTopic]),
        ...reportTo(inputFaults),
      });
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  function handle(frame: Frame): void {
    if (frame.topic === echoTopic) return;
    try {
      handler(frame);
    } catch (error) {
      log.error({ topic: frame.topic, reason: error instanceof Error ? error.stack : error }, "message not handled");
    }
  }

  function send(frame: Frame): boolean {
    try {
      link.publish(frame);
      return true;
    } catch (error) {
      inputFaults.add("message not sent", { topic: frame.topic, reason: reasonOf(error) });
      return false;
    }
  }

  async function sendThrough(frame: Frame, chanceMs: number): Promise<void> {
    try {
      await link.publishThrough(frame, chanceMs);
    } catch (error) {
      inputFaults.add("message not sent", { topic: frame.topic, reason: reasonOf(error) });
    }
  }

  return {
    incarnation: link.incarnation,
    send,
    publish: (message) => send(writeMessage(message)),
    publishThrough: (message, chanceMs = ECHO_CHANCE_MS) => sendThrough(writeMessage(message), chanceMs),
    caughtUp: () => sendThrough({ topic: echoTopic, body: { header: {} } }, ECHO_CHANCE_MS),
    listen(topic) {
      if (heard.has(topic)) return;
      heard.add(topic);
      void link.subscribe(topic);
    },
    receive(next) {
      handler = next;
      for (const frame of early.splice(0)) handle(frame);
    },
    async [Symbol.asyncDispose]() {
      await unclaimed[Symbol.asyncDispose]();
      await link.close();
    },
  };
}

function reportTo(inputFaults: InputFaults): Pick<UnclaimedTopics, "onMistyped" | "onUnreadable"> {
  return {
    onMistyped: (topic, meant) =>
      inputFaults.add("mistyped topic", { topic, reason: `topic ${topic}: did you mean ${meant}?` }),
    onUnreadable: (bytes) =>
      inputFaults.add("malformed message", { bytes: bytes.length, reason: whyUnreadable(bytes) }),
  };
}

function whyUnreadable(bytes: Buffer): string {
  try {
    decodeFrame(bytes);
    return "white space before the topic";
  } catch (error) {
    return reasonOf(error);
  }
}
