// What each service sends: the events that it emits and the methods that it calls. Pure.
import type { SenderTotals } from "../../../protocol/bus-figures.ts";
import { createCounted, MAX_COUNTED, OTHER } from "../counts.ts";

type Kind = SenderTotals["kind"];

export interface Senders {
  /** Of a member. */
  sender(service: string): Sender;
  totals(): SenderTotals[];
}

export interface Sender {
  readonly service: string;
  count(kind: Kind, name: string): void;
}

export function createSenders(): Senders {
  const counted = { event: createCounted(newTotals("event")), call: createCounted(newTotals("call")) };
  return {
    sender(service) {
      // Found once for each name, so that a message costs one look-up.
      const found = { event: new Map<string, SenderTotals>(), call: new Map<string, SenderTotals>() };
      return {
        service,
        count(kind, name) {
          let totals = found[kind].get(name);
          if (totals === undefined) {
            totals = counted[kind].of(JSON.stringify([name, service]));
            if (found[kind].size < MAX_COUNTED) found[kind].set(name, totals);
          }
          totals.sent += 1;
        },
      };
    },
    totals: () => [...counted.event.all(), ...counted.call.all()].map(([, totals]) => totals),
  };
}

function newTotals(kind: Kind): (key: string) => SenderTotals {
  return (key) => {
    const [name, service]: [string, string] = key === OTHER ? [OTHER, ""] : JSON.parse(key);
    return { kind, name, service, sent: 0 };
  };
}
