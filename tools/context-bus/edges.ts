// What is promised of each queue and each service that an engine has now, and what would be lost by which failure: from how the
// engine keeps events, and which members it has. docs/messaging.md has the promises, docs/scale-out.md how servers keep events. Pure.
import type { QueueFigures, ServedService } from "../../src/messaging/index.ts";
import { readBusUrl } from "../../src/protocol/bus-address.ts";

/** How an engine keeps events. */
export interface Keeping {
  engine: "zeromq" | "nats" | "rabbitmq";
  stored: "memory" | "file" | "sync" | "replicated";
}

export interface Edge {
  kind: "event" | "call";
  /** Of the event, or `service.method`. */
  name: string;
  /** The group, or the service. */
  to: string;
  /** The members of the group, or the instances of the service. */
  members: number;
  promise: string;
  /** By failure, what would be lost by it. */
  lost: { [failure: string]: string };
}

/**
 * @param url - Of the engine; of a server, its parameters say how events are kept.
 * @param durability - Of the context file, for the embedded engine.
 */
export function keepingOf(url: string, durability: "memory" | "file" | "sync"): Keeping {
  const { engine } = readBusUrl(url);
  if (engine === "zeromq") return { engine, stored: durability };
  if (engine === "rabbitmq") return { engine, stored: "sync" };
  const replicas = Number(/[?&]replicas=(\d)/.exec(url)?.[1] ?? 1);
  if (replicas > 1) return { engine, stored: "replicated" };
  return { engine, stored: /[?&]storage=memory/.test(url) ? "memory" : "file" };
}

export function edgesOf(keeping: Keeping, queues: readonly QueueFigures[], services: readonly ServedService[]): Edge[] {
  const events = queues.map(({ event, group, members }): Edge => {
    return { kind: "event", name: event, to: group, members, ...eventPromise(keeping, members) };
  });
  const calls = services.flatMap(({ service, methods, instances }) =>
    methods.map((method): Edge => {
      return { kind: "call", name: `${service}.${method}`, to: service, members: instances, ...callPromise(instances) };
    }),
  );
  return [...events, ...calls].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

function keyOf({ kind, name, to }: Edge): string {
  return `${kind === "event" ? 0 : 1} ${name} ${to}`;
}

const NOTHING = "nothing";

const POWER_CUT: Readonly<Record<Keeping["engine"], string>> = {
  zeromq: "what was not flushed to the disk yet",
  nats: "what the server has not flushed yet, up to 2 minutes unless it is configured otherwise",
  rabbitmq: NOTHING,
};

function eventPromise({ engine, stored }: Keeping, members: number): Pick<Edge, "promise" | "lost"> {
  const server = engine === "zeromq" ? "broker" : "server";
  const isKept = stored !== "memory";
  return {
    promise: `at least once, stored: ${stored}`,
    lost: {
      "a member dies":
        members > 1
          ? NOTHING
          : members === 1
            ? "nothing; events wait for it to be back"
            : "nothing; no member is there, events wait up to the bound",
      [`the ${server} is killed`]: isKept ? NOTHING : "all that is not settled",
      "a power cut":
        stored === "sync" || stored === "replicated" ? NOTHING : isKept ? POWER_CUT[engine] : "all that is not settled",
      [`the machine of the ${server} is lost`]:
        stored === "replicated"
          ? NOTHING
          : engine === "rabbitmq"
            ? "all that is not settled, unless the queue has replicas in a cluster"
            : "all that is not settled",
    },
  };
}

function callPromise(instances: number): Pick<Edge, "promise" | "lost"> {
  const lost = "the calls that it has: ERR_SERVICE_LOST, executed unknown";
  return {
    promise: "once, with one answer or one error before the deadline",
    lost: {
      "an instance dies":
        instances > 1
          ? `${lost}; others take the next`
          : `${lost}; later ones wait while it starts, else ERR_SERVICE_UNKNOWN`,
      "the engine is away": "nothing is sent twice; calls fail at their deadline",
    },
  };
}
