// What people and programs ask of a broker from outside: services, queues, dead letters, and copies of what passes.
import { ZcontextError } from "../../../errors.ts";
import type { Operations, Signal, Subscription, TapFilter } from "../../contract/engine.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import type { Conversation } from "./conversation.ts";
import type { Reply } from "./questions.ts";
import type { Watching } from "./watching.ts";

/** @param tapSignals - Hears the signals on all topics of services, which do not pass the broker. */
export function createOperations(
  { ask, nextN }: Pick<Conversation, "ask" | "nextN">,
  watching: Watching,
  tapSignals: (handler: (signal: Signal) => void) => Promise<Subscription>,
): Operations {
  return {
    async services() {
      const { operation } = await ask({ op: "services", n: nextN() });
      return operation.op === "served" ? operation.services : [];
    },
    async queues() {
      const { operation } = await ask({ op: "queues", n: nextN() });
      return operation.op === "figures" ? operation.queues : [];
    },
    async deadLetters(filter) {
      const { operation } = await ask({ op: "dead", n: nextN(), ...filter });
      return operation.op === "letters" ? operation.letters : [];
    },
    async deadLetter(id) {
      const { operation, body } = await ask({ op: "letter", n: nextN(), id });
      return operation.op === "body" ? { ...operation.letter, body: body.subarray(operation.head) } : undefined;
    },
    replay: async (ids) => countIn(await ask({ op: "replay", n: nextN(), ids: [...ids] })),
    discard: async (ids) => countIn(await ask({ op: "discard", n: nextN(), ids: [...ids] })),
    async tap(filter, handler) {
      if (watching.filter !== undefined) throw new ZcontextError("ERR_USAGE", "this program watches already");
      watching.start(filter, handler);
      const heard = filter.signals.length > 0 ? await tapSignals(watching.hear) : undefined;
      await ask({ op: "tap", n: nextN(), ...ofBroker(filter) });
      return subscriptionOf(async () => {
        await heard?.close();
        await ask({ op: "untap", n: nextN() });
        watching.end();
      });
    },
  };
}

/** Signals do not pass the broker. */
export function ofBroker({ events, calls }: TapFilter) {
  return { events, calls };
}

function countIn({ operation }: Reply): number {
  return operation.op === "count" ? operation.count : 0;
}
