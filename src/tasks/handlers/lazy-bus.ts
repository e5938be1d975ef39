// The bus of a task, before it is connected: each verb connects it first.
import type { EventBus } from "../../messaging/index.ts";
import type { Bus } from "../contract/task.ts";

export interface BusOpener {
  /** The same bus each time; connects anew where that has failed. */
  open(): Promise<EventBus>;
  /** Undefined where it was never opened, or could not be. */
  opened(): Promise<EventBus> | undefined;
  /** Closes it, if it was ever opened. */
  close(): Promise<void>;
}

export function createBusOpener(connect: () => Promise<EventBus>): BusOpener {
  let opened: Promise<EventBus> | undefined;
  return {
    open() {
      if (opened !== undefined) return opened;
      const bus = connect();
      opened = bus;
      bus.catch(() => {
        opened = undefined;
      });
      return bus;
    },
    opened: () => opened,
    async close() {
      const bus = await opened?.catch(() => undefined);
      await bus?.close();
    },
  };
}

/**
 * @param open - Called for each verb; it answers the same bus once it is connected.
 * @param onFailure - Called where a signal can't be published, which its caller does not wait for.
 */
export function createLazyBus(open: () => Promise<Bus>, onFailure: (error: unknown) => void): Bus {
  return {
    emit: async (name, payload, options) => (await open()).emit(name, payload, options),
    listen: async (name, group, handler, options) => (await open()).listen(name, group, handler, options),
    async *events(name, group, options) {
      yield* (await open()).events(name, group, options);
    },
    publish(topic, content, attachments) {
      open()
        .then((bus) => bus.publish(topic, content, attachments))
        .catch(onFailure);
    },
    subscribe: async (topic, handler, options) => (await open()).subscribe(topic, handler, options),
    call: async (name, params, options) => (await open()).call(name, params, options),
    serve: async (service, methods, options) => (await open()).serve(service, methods, options),
  };
}
