// The engine `zeromq`: events and calls go to the broker that a context's provider keeps, signals over its forwarder.
import { deferred } from "../../../deferred.ts";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import { type Client, createClient } from "../../embedded/client/client.ts";
import { openChannel } from "./channel.ts";
import { createSignals } from "./signals.ts";

export interface ZeromqOptions {
  /** Where the broker is bound, such as `ipc:///dev/shm/zcontext-1000/….bus/broker`. */
  url: string;
  token: string;
  /** `context/service/instance`. */
  src: string;
  /** This process, whose death the broker then sees at once. */
  process?: { pid: number; startTicks: number };
}

/** Connects to the broker. @returns The engine at once; what is asked of it waits for the broker. */
export function connectZeromq({ url, token, src, process }: ZeromqOptions): Client {
  const endpoints = deferred<Endpoints>();
  endpoints.promise.catch(() => {});
  const signals = createSignals({ endpoints: endpoints.promise, src });
  const client = createClient({
    ...{ name: "zeromq", src, token, signals, ...(process && { process }) },
    openChannel: (member, events) => openChannel(url, member, events),
  });
  client.up.then((places) => places.endpoints && endpoints.resolve(places.endpoints), endpoints.reject);
  return client;
}
