// The signals of engine `zeromq`.
import { ZcontextError } from "../../../errors.ts";
import type { Endpoints } from "../../../protocol/endpoints.ts";
import type { Signals } from "../../embedded/client.ts";

export interface SignalOptions {
  endpoints: Promise<Endpoints>;
  /** `context/service/instance`. */
  src: string;
}

/** Signals over the forwarder of a context. */
export function createSignals(_: SignalOptions): Signals {
  const unfit = () => new ZcontextError("ERR_ENGINE_UNFIT", "engine zeromq carries no signals yet");
  return {
    publish() {
      throw unfit();
    },
    subscribe: () => Promise.reject(unfit()),
    async close() {},
  };
}
