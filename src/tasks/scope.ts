// Makes the scope that user code works in. What its functions do is up to the effects: in a task process they reach the
// provider and the other tasks, in a rehearsal they are recorded.
import type { Frame } from "../protocol/codec.ts";
import type { StartData } from "../protocol/pipe.ts";
import type { OwnAnnouncement } from "./announcement.ts";
import type { Announcement, TaskScope } from "./define.ts";

/** What the functions of a scope do. */
export interface ScopeEffects {
  /** Resolves when the task may go on; it is held back when it is far ahead of the provider. */
  announce(announcement: OwnAnnouncement): Promise<void>;
  publish(frame: Frame): void;
  /** Resolves when the handler gets all that is announced from now on. */
  listen(handler: (announcement: Announcement) => void): Promise<void>;
  print(stream: "stdout" | "stderr", text: string): void;
  sleep(ms: number): Promise<void>;
}

/** The scope of the services that come with zcontext. */
export interface InnerScope<Configuration> extends TaskScope<Configuration> {
  readonly endpoints: StartData["endpoints"];
}

/** Makes the scope of one run. */
export function createScope<Configuration>(
  about: Pick<TaskScope<Configuration>, "configuration" | "transaction" | "serviceId" | "serviceName" | "contextId">,
  effects: ScopeEffects,
  signal: AbortSignal,
): TaskScope<Configuration> {
  const { configuration, transaction, serviceId, serviceName, contextId } = about;
  return {
    configuration,
    transaction,
    serviceId,
    serviceName,
    contextId,
    signal,
    async update(items = {}) {
      await effects.announce({ action: "updated", result: "success", items });
    },
    async fail(reason, items = {}) {
      await effects.announce({ action: "failed", result: "failure", items: { ...items, reason } });
    },
    async publish(topic, content) {
      const header = {
        action: "published",
        service_id: serviceId,
        service_name: serviceName,
        service_transaction: transaction,
      };
      effects.publish({ topic, body: { content, header } });
    },
    onControl: (handler) => effects.listen(handler),
    log: {
      info: (text) => effects.print("stdout", text),
      warn: (text) => effects.print("stderr", text),
      error: (text) => effects.print("stderr", text),
    },
    sleep: (ms) => effects.sleep(ms),
  };
}
