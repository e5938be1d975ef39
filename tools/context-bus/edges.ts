// What is promised of each queue, each service and each signal that an engine has now, and what would be lost by which failure:
// from how the engine keeps events, which members it has, and which were seen to send. docs/messaging.md has the promises,
// docs/scale-out.md how servers keep events. Pure.
import type { QueueFigures, ServedService } from "../../src/messaging/index.ts";
import { readBusUrl } from "../../src/protocol/bus-address.ts";
import type { SenderTotals, SignalTotals } from "../../src/protocol/bus-figures.ts";

/** How an engine keeps events. */
export interface Keeping {
  engine: "zeromq" | "nats" | "rabbitmq";
  stored: "memory" | "file" | "sync" | "replicated";
}

/** Who was seen to send, since the broker or the programs have started. */
export interface Senders {
  senders: readonly Pick<SenderTotals, "kind" | "name" | "service">[];
  signals: readonly Pick<SignalTotals, "topic" | "publisher" | "subscriber">[];
}

export interface Edge {
  kind: "event" | "call" | "signal";
  /** Of the event, `service.method`, or the topic. */
  name: string;
  /** The services that were seen to send it. Absent where that is not known. */
  from?: string[];
  /** The group, or the service; empty where nobody takes it. */
  to: string;
  /** The members of the group, or the instances of the service; of a signal, the services that have heard it. */
  members: number;
  promise: string;
  /** By failure, what would be lost by it. */
  lost: { [failure: string]: string };
}

/**
 * @param url - Of the engine; of a server, its parameters say how events are kept.
 * @param durability - Of the context file, for the embedded engine.
 * @param dialect - Of the messages at a server.
 */
export function keepingOf(url: string, durability: "memory" | "file" | "sync", dialect?: string): Keeping {
  const { engine } = readBusUrl(url);
  if (engine === "zeromq") return { engine, stored: durability };
  if (engine === "rabbitmq") return { engine, stored: dialect === "twyla" ? "file" : "sync" };
  const replicas = Number(/[?&]replicas=(\d)/.exec(url)?.[1] ?? 1);
  if (replicas > 1) return { engine, stored: "replicated" };
  return { engine, stored: /[?&]storage=memory/.test(url) ? "memory" : "file" };
}

/** @param seen - Undefined where it is not known which services send. */
export function edgesOf(
  keeping: Keeping,
  queues: readonly QueueFigures[],
  services: readonly ServedService[],
  seen?: Senders,
): Edge[] {
  const fromOf = (kind: "event" | "call", name: string): Pick<Edge, "from"> =>
    seen === undefined ? {} : { from: namesOf(seen.senders.filter((one) => one.kind === kind && one.name === name)) };
  const events = queues.map(({ event: name, group, members, stored = keeping.stored }): Edge => {
    const kept = { ...keeping, stored };
    return { kind: "event", name, ...fromOf("event", name), to: group, members, ...eventPromise(kept, members) };
  });
  const calls = services.flatMap(({ service, methods, instances }) =>
    methods.map((method): Edge => {
      const name = `${service}.${method}`;
      return {
        kind: "call",
        name,
        ...fromOf("call", name),
        to: service,
        members: instances,
        ...callPromise(instances),
      };
    }),
  );
  const taken = new Set([...events, ...calls].map(({ kind, name }) => `${kind} ${name}`));
  const untaken = (seen?.senders ?? [])
    .filter(({ kind, name }) => name !== OTHERS && !taken.has(`${kind} ${name}`))
    .map(({ kind, name }): Edge => ({ kind, name, ...fromOf(kind, name), to: "", members: 0, ...NOBODY[kind] }));
  const signals = (seen?.signals ?? []).map(({ topic, subscriber }): Edge => {
    const pairs = seen?.signals.filter((one) => one.topic === topic && one.subscriber === subscriber) ?? [];
    const from = namesOf(pairs.map(({ publisher: service }) => ({ service })));
    return { kind: "signal", name: topic, from, to: subscriber, members: 1, ...SIGNAL };
  });
  const all = new Map([...events, ...calls, ...untaken, ...signals].map((edge) => [keyOf(edge), edge]));
  return [...all.values()].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

/** All names above the bound of those that are counted by themselves. */
const OTHERS = "other";

function namesOf(senders: readonly { service: string }[]): string[] {
  return [...new Set(senders.map(({ service }) => service))].sort();
}

const ORDER = ["event", "call", "signal"];

function keyOf({ kind, name, to }: Edge): string {
  return `${ORDER.indexOf(kind)} ${name} ${to}`;
}

const NOTHING = "nothing";

const POWER_CUT: Readonly<Record<Keeping["engine"], string>> = {
  zeromq: "what was not flushed to the disk yet",
  nats: "what the server has not flushed yet, up to 2 minutes unless it is configured otherwise",
  rabbitmq: NOTHING,
};

const NOBODY: Readonly<Record<"event" | "call", Pick<Edge, "promise" | "lost">>> = {
  event: {
    promise: "held for 10 s, and given to the first group that listens",
    lost: { "no group listens within 10 s": "the event, which is counted as unrouted" },
  },
  call: {
    promise: "ERR_SERVICE_UNKNOWN at once, or a wait for a service that is starting",
    lost: { "no instance comes before the deadline": "nothing; the caller hears of it" },
  },
};

const SIGNAL: Pick<Edge, "promise" | "lost"> = {
  promise: "at most once, what is lost is counted",
  lost: {
    "a subscriber dies": "what is published until it listens again",
    "the forwarder or the server is away": "what is published meanwhile",
    "a subscriber is slower than its publisher": "what its queue has no room for",
  },
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
