// Sends server-sent events to listeners. Each listener has a bound of its own: one that does not read gets a fresh snapshot
// once it reads again, and is disconnected when it does not read for long. The others don't wait for it.
import type { ServerResponse } from "node:http";
import { type Backlog, createBacklog, formatEvent } from "./backlog.ts";

export interface FanOut {
  /** Adds a listener, whose first event is the snapshot. Ends by itself with the response. */
  add(response: ServerResponse, listener: { channel: string; snapshot(): unknown }): void;
  send(channel: string, name: string, value: unknown): void;
  readonly listeners: number;
  /** How often a listener was too slow, so that its events were dropped. */
  readonly drops: number;
  close(): void;
}

/** Characters that may wait for one listener. */
const MAX_LENGTH = 256 * 1_024;
/** A listener that has not read for so long, in milliseconds, is disconnected. */
const STUCK_MS = 60_000;
/** How often a comment is sent, so that both ends notice when the other has gone. */
const KEEP_ALIVE_MS = 15_000;

export function createFanOut({ maxLength = MAX_LENGTH } = {}): FanOut {
  const listeners = new Set<{ channel: string; send(text: string): void; end(): void; keepAlive(): void }>();
  let drops = 0;
  const keepAlive = setInterval(() => {
    for (const listener of listeners) listener.keepAlive();
  }, KEEP_ALIVE_MS);
  keepAlive.unref();

  return {
    add(response, { channel, snapshot }) {
      const backlog: Backlog = createBacklog({ maxLength, snapshot: () => formatEvent("snapshot", snapshot()) });
      let isFull = false;
      let late: NodeJS.Timeout | undefined;
      const listener = {
        channel,
        send(text: string) {
          if (!backlog.add(text)) drops += 1;
          flush();
        },
        keepAlive() {
          if (!isFull) write(": \n\n");
        },
        end() {
          clearTimeout(late);
          listeners.delete(listener);
          response.destroy();
        },
      };
      listeners.add(listener);
      response.on("close", listener.end);
      response.on("error", listener.end);
      flush();

      function flush(): void {
        if (isFull) return;
        const text = backlog.take();
        if (text !== "") write(text);
      }

      function write(text: string): void {
        if (response.write(text)) return;
        isFull = true;
        late = setTimeout(listener.end, STUCK_MS);
        response.once("drain", () => {
          isFull = false;
          clearTimeout(late);
          flush();
        });
      }
    },
    send(channel, name, value) {
      const listening = [...listeners].filter((listener) => listener.channel === channel);
      if (listening.length === 0) return;
      const text = formatEvent(name, value);
      for (const { send } of listening) send(text);
    },
    get listeners() {
      return listeners.size;
    },
    get drops() {
      return drops;
    },
    close() {
      clearInterval(keepAlive);
      for (const { end } of listeners) end();
    },
  };
}
