// The scope that user code works in. What it reaches differs: the bus in a task process, a record in a rehearsal.
import type { Frame } from "../protocol/codec.ts";
import type { StartData } from "../protocol/pipe.ts";
import type { Said } from "./announcement.ts";
import type { Announcement, TaskScope } from "./define.ts";

/** What a scope reaches. */
export interface World {
  /** Resolves when the task may go on; it is held back when it is far ahead of the provider. */
  announce(said: Said): Promise<void>;
  publish(frame: Frame): void;
  /** Resolves when the handler hears what is announced from now on. */
  listen(handler: (announcement: Announcement) => void): Promise<void>;
  print(stream: "stdout" | "stderr", text: string): void;
  sleep(ms: number): Promise<void>;
}

/** What services that come with zcontext see beyond the scope of everybody. */
export interface InnerScope<Configuration> extends TaskScope<Configuration> {
  readonly endpoints: StartData["endpoints"];
}

/** Makes the scope of one run. */
export function createScope<Configuration>(
  about: Pick<TaskScope<Configuration>, "configuration" | "transaction" | "serviceId" | "serviceName" | "contextId">,
  world: World,
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
      await world.announce({ action: "updated", result: "success", items });
    },
    async fail(reason, items = {}) {
      await world.announce({ action: "failed", result: "failure", items: { ...items, reason } });
    },
    async publish(topic, content) {
      const header = {
        action: "published",
        service_id: serviceId,
        service_name: serviceName,
        service_transaction: transaction,
      };
      world.publish({ topic, body: { content, header } });
    },
    onControl: (handler) => world.listen(handler),
    log: {
      info: (text) => world.print("stdout", text),
      warn: (text) => world.print("stderr", text),
      error: (text) => world.print("stderr", text),
    },
    sleep: (ms) => world.sleep(ms),
  };
}
