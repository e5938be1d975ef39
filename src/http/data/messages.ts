// What the page shows of messages between services: queues, and which service sends what to which. Pure.
import type { BusFigures, BusState } from "../../protocol/bus-figures.ts";
import type { Flow, Messages } from "../contract/api.ts";

/** Queues and flows that are shown. */
const MAX_QUEUES = 200;
const MAX_FLOWS = 300;

/** Of a broker that was needed. */
export function messagesOf({ figures, trouble }: BusState): Messages {
  const about = trouble === undefined ? {} : { trouble };
  if (figures === undefined) return { ...about, members: 0, calls: { waiting: 0, running: 0 }, queues: [], flows: [] };
  const { members, calls, queues } = figures;
  return { ...about, members, calls, queues: queues.slice(0, MAX_QUEUES), flows: flowsOf(figures) };
}

/** From each service that has sent something to those that take it now. */
function flowsOf({ senders, groups, methods }: BusFigures): Flow[] {
  const takers = {
    event: groups.map(({ event: name, services }) => ({ name, services })),
    call: methods.map(({ method: name, services }) => ({ name, services })),
  };
  const flows = senders.flatMap(({ kind, name, service: from }) => {
    const services = takers[kind].filter((one) => one.name === name).flatMap((one) => one.services);
    return [...new Set(services)].map((to): Flow => ({ kind, name, from, to }));
  });
  // Always in the same order, so that the page draws them anew only where they have changed.
  return flows.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)).slice(0, MAX_FLOWS);
}

function keyOf({ kind, name, from, to }: Flow): string {
  return [kind, name, from, to].join(" ");
}
