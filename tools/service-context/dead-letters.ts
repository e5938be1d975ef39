// The dead letters of a provider's messages for its dashboard, which reaches them as any other program does.
import type { Provider } from "../../src/context/provider/provider.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { OpenedLetter } from "../../src/http/contract/api.ts";
import type { DeadLetters } from "../../src/http/contract/source.ts";
import type { EventBus } from "../../src/messaging/index.ts";
import type { BusPlace } from "../../src/protocol/bus-address.ts";
import { connectForLetters, openLetter } from "../dead-letters.ts";

/** Letters that are listed, the newest of them. */
const MOST = 500;

export function openDeadLetters(
  provider: Pick<Provider, "bus" | "busPlace" | "contextId">,
): DeadLetters & AsyncDisposable {
  let connected: Promise<EventBus> | undefined;

  /** Undefined while nobody has needed the broker, which this would start. */
  function bus(): Promise<EventBus> | undefined {
    if (provider.bus === undefined || provider.busPlace === undefined) return undefined;
    connected ??= connect(provider.busPlace);
    connected.catch(() => {
      connected = undefined;
    });
    return connected;
  }

  const connect = (place: BusPlace) => connectForLetters(place, `${provider.contextId}/dashboard/dashboard`);

  async function open(id: string): Promise<OpenedLetter | undefined> {
    const from = await bus();
    return from && openLetter(from, id);
  }

  return {
    async list() {
      return ((await (await bus())?.operations.deadLetters({})) ?? []).slice(-MOST);
    },
    open,
    async command({ action, ids }) {
      const from = await bus();
      if (from === undefined) throw new ZcontextError("ERR_ENGINE_UNREACHABLE", "nobody has sent a message yet");
      return from.operations[action](ids);
    },
    async [Symbol.asyncDispose]() {
      await (await connected?.catch(() => undefined))?.close();
    },
  };
}
