// The groups that this member takes part in, and the handlers of their events.
import { ZcontextError } from "../../../errors.ts";
import type { Delivery, Engine, Membership } from "../../contract/engine.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import type { Conversation } from "./conversation.ts";

export interface Listening {
  listen: Engine["listen"];
  /** Says to a broker what is in force. */
  sayAgain(): void;
  /** Hands an event to the handler of its group. */
  give(delivery: Delivery): void;
}

interface Listener {
  membership: Membership;
  handler(delivery: Delivery): void;
}

export function createListening({ ask, say, nextN }: Pick<Conversation, "ask" | "say" | "nextN">): Listening {
  const listeners = new Map<string, Listener>();
  return {
    async listen(membership, handler) {
      const { name: event, group } = membership;
      const key = keyOf(membership);
      if (listeners.has(key)) throw new ZcontextError("ERR_USAGE", `group ${group} listens to ${event} here already`);
      listeners.set(key, { membership, handler });
      await ask({ op: "listen", n: nextN(), ...memberOf(membership) });
      return subscriptionOf(async () => {
        await ask({ op: "unlisten", n: nextN(), event, group });
        listeners.delete(key);
      });
    },
    sayAgain() {
      for (const { membership } of listeners.values()) say({ op: "listen", n: nextN(), ...memberOf(membership) });
    },
    give: (delivery) => listeners.get(keyOf(delivery))?.handler(delivery),
  };
}

function keyOf({ name, group }: { name: string; group: string }): string {
  return `${name} ${group}`;
}

function memberOf({ name, group, prefetch }: Membership) {
  return { event: name, group, prefetch };
}
