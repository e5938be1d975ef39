import { setTimeout as pause } from "node:timers/promises";
import { connectInbox } from "../bus/bus.ts";
import type { Inbox } from "../bus/inbox.ts";
import type { Frame } from "../protocol/codec.ts";
import type { JsonObject } from "../protocol/json.ts";
import { readMessage } from "../protocol/message.ts";
import type { StartData } from "../protocol/pipe.ts";
import type { Announcement, Items, TaskScope } from "./define.ts";

/** How a scope speaks: announcements on `control`, everything else on topics of the user's. */
export interface Voice {
  /** Resolves when the task may go on; it is held back when it is far ahead of the provider. */
  announce(action: string, result: "success" | "failure", items: Items): Promise<void>;
  publish(frame: Frame): void;
}

/** What services that come with zcontext see beyond the scope of everybody. */
export interface InnerScope<Configuration> extends TaskScope<Configuration> {
  readonly endpoints: StartData["endpoints"];
}

/** The scope of one run, and what it opened on the way. */
export interface OpenScope {
  scope: TaskScope<JsonObject>;
  close(): Promise<void>;
}

/** Makes the scope that user code works in. */
export function openScope(start: StartData, voice: Voice, signal: AbortSignal): OpenScope {
  const { configuration, transaction, serviceId, serviceName, contextId, endpoints } = start;
  const inboxes: Inbox[] = [];
  const scope: InnerScope<JsonObject> = {
    endpoints,
    configuration,
    transaction,
    serviceId,
    serviceName,
    contextId,
    signal,
    async update(items = {}) {
      await voice.announce("updated", "success", items);
    },
    async fail(reason, items = {}) {
      await voice.announce("failed", "failure", { ...items, reason });
    },
    async publish(topic, content) {
      const header = {
        action: "published",
        service_id: serviceId,
        service_name: serviceName,
        service_transaction: transaction,
      };
      voice.publish({ topic, body: { content, header } });
    },
    async onControl(handler) {
      inboxes.push(await listenToControl(start, handler));
    },
    log: {
      info: (text) => process.stdout.write(`${text}\n`),
      warn: (text) => process.stderr.write(`${text}\n`),
      error: (text) => process.stderr.write(`${text}\n`),
    },
    // A longer timer would fire at once.
    sleep: (ms) => pause(Math.min(ms, 2 ** 31 - 1), undefined, { signal }),
  };
  return {
    scope,
    async close() {
      await Promise.all(inboxes.map((inbox) => inbox.close()));
    },
  };
}

// Only a task that listens opens a subscriber: a hundred that don't would each be sent all that the others say.
function listenToControl(
  { endpoints, transaction }: StartData,
  handler: (announcement: Announcement) => void,
): Promise<Inbox> {
  return connectInbox(endpoints.subscribe, {
    topics: ["control"],
    timeoutMs: 0,
    onFrame(frame) {
      const message = readMessage(frame);
      if (message.kind !== "control" || message.header.transaction !== transaction) return;
      const { action, serviceId, serviceName } = message.header;
      try {
        handler({ action, serviceId, serviceName, status: message.status as Items });
      } catch (error) {
        // The fault is the task's, not the message's.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  });
}
