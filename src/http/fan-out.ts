// Server-sent events to whoever listens. The bound is each listener's own: one that does not read is written to no
// more, is told anew once it does, and is let go when it does not for long. Nobody waits for it.
import type { ServerResponse } from "node:http";
import { type Backlog, createBacklog, formatEvent } from "./backlog.ts";

export interface FanOut {
  /** Begins to tell a listener; the snapshot is the first thing. Ends by itself with the response. */
  add(response: ServerResponse, listener: { channel: string; snapshot(): unknown }): void;
  tell(channel: string, name: string, value: unknown): void;
  readonly listeners: number;
  /** How often a listener was too slow, and what waited for it was dropped. */
  readonly drops: number;
  close(): void;
}

/** Characters that may wait for one listener. */
const MAX_LENGTH = 256 * 1_024;
/** Who has not read for so long, in milliseconds, is let go. */
const STUCK_MS = 60_000;
/** A word in between, so that both ends notice when the other is gone. */
const PULSE_MS = 15_000;

export function createFanOut({ maxLength = MAX_LENGTH } = {}): FanOut {
  const listeners = new Set<{ channel: string; tell(text: string): void; end(): void; pulse(): void }>();
  let drops = 0;
  const pulse = setInterval(() => {
    for (const listener of listeners) listener.pulse();
  }, PULSE_MS);
  pulse.unref();

  return {
    add(response, { channel, snapshot }) {
      const backlog: Backlog = createBacklog({ maxLength, snapshot: () => formatEvent("snapshot", snapshot()) });
      let isFull = false;
      let late: NodeJS.Timeout | undefined;
      const listener = {
        channel,
        tell(text: string) {
          if (!backlog.add(text)) drops += 1;
          flush();
        },
        pulse() {
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
    tell(channel, name, value) {
      const listening = [...listeners].filter((listener) => listener.channel === channel);
      if (listening.length === 0) return;
      const text = formatEvent(name, value);
      for (const { tell } of listening) tell(text);
    },
    get listeners() {
      return listeners.size;
    },
    get drops() {
      return drops;
    },
    close() {
      clearInterval(pulse);
      for (const { end } of listeners) end();
    },
  };
}
