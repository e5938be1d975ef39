// The dead letters of a provider's messages for its dashboard, which reaches them as any other program does.
import type { Provider } from "../../src/context/provider/provider.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import type { OpenedLetter } from "../../src/http/contract/api.ts";
import type { DeadLetters } from "../../src/http/contract/source.ts";
import type { EventBus } from "../../src/messaging/index.ts";
import type { BusPlace } from "../../src/protocol/bus-address.ts";

/** Letters that are listed, the newest of them. */
const MOST = 500;
const CONNECT_MS = 2_000;

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

  // Loaded on demand: most dashboards never show a letter.
  async function connect(place: BusPlace): Promise<EventBus> {
    const { EventBus } = await import("../../src/messaging/index.ts");
    return EventBus.connect({
      ...place,
      src: `${provider.contextId}/dashboard/dashboard`,
      timeoutMs: CONNECT_MS,
      another: true,
    });
  }

  async function open(id: string): Promise<OpenedLetter | undefined> {
    const from = await bus();
    const found = await from?.operations.deadLetter(id);
    if (from === undefined || found === undefined) return undefined;
    const { body, ...letter } = found;
    try {
      return { ...letter, payload: await from.readBody(body) };
    } catch (error) {
      return { ...letter, unreadable: reasonOf(error) };
    }
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
