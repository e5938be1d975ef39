// The engine `zeromq`: a client of the broker that a context's provider keeps.

import type { Engine } from "../../contract/engine.ts";
import { type Client, createClient } from "../../embedded/client.ts";
import { openChannel } from "./channel.ts";

export interface ZeromqOptions {
  /** Where the broker is bound, such as `ipc:///dev/shm/zcontext-1000/….bus/broker`. */
  url: string;
  token: string;
  /** `context/service/instance`. */
  src: string;
  /** This process, whose death the broker then sees at once. */
  process?: { pid: number; startTicks: number } | undefined;
  signals: Pick<Engine, "publish" | "subscribe"> & { close(): Promise<void> };
}

/** Connects to the broker. @returns The engine at once; what is asked of it waits for the broker. */
export function connectZeromq({ url, token, src, process, signals }: ZeromqOptions): Client {
  return createClient({
    ...{ name: "zeromq", src, token, signals, ...(process && { process }) },
    openChannel: (member, events) => openChannel(url, member, events),
  });
}
