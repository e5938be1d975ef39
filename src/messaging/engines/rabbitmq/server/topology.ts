// What the exchanges and queues on the server are called, and with which arguments they are declared. Every program has to
// declare the same, for the server refuses a queue that exists with other arguments. Pure.
import { ZcontextError } from "../../../../errors.ts";

/** A queue to declare. */
export interface QueueToDeclare {
  queue: string;
  options: { durable: boolean; exclusive?: boolean; autoDelete?: boolean; arguments: { [name: string]: unknown } };
}

/** Where the events of a group are. */
export interface GroupPlaces {
  exchange: string;
  key: string;
  /** Events that wait, or are with a member. */
  main: QueueToDeclare;
  /** Events that the group has given up. */
  dead: QueueToDeclare;
}

/** Where an event is that no group has wanted yet. */
export interface HeldPlaces {
  exchange: string;
  key: string;
  held: QueueToDeclare;
}

/** The exchange that each queue is bound to by its own name. */
export const TO_QUEUE = "";
/** Of signals and calls. */
export const POST_EXCHANGE = "zcontext.post";

const QUEUE_LENGTH = 100_000;
const QUEUE_BYTES = 256 * 2 ** 20;
const HELD_LENGTH = 10_000;
const LETTERS = 10_000;
const LETTER_MS = 7 * 24 * 3600 * 1000;
const GROUPS = 10_000;
/** How long an event is held that no group has ever wanted. */
export const HOLD_MS = 10_000;
/** How long the queue of such events stays when nobody declares it again; longer than any event in it. */
const HELD_EXPIRES_MS = 6 * HOLD_MS;
/** How often an event may be given back by members that die, before the server takes it for a dead letter itself. */
const DEATHS = 100;
/** Letters are read and put back; that must never count as a death. */
const NO_DEATHS = 1_000_000_000;
const LONGEST_BYTES = 255;

/** @throws {ZcontextError} `ERR_ENGINE_UNFIT` for a name that the server can't have. */
export function placesOfEvent(event: string): HeldPlaces {
  const dot = event.indexOf(".");
  const [domain, type] = [event.slice(0, dot), event.slice(dot + 1)];
  if (domain === "amq") throw unfit(event, "the server keeps names that begin with amq for itself");
  if (type.split(".").some((word) => word === "*" || word === "#"))
    throw unfit(event, "the words * and # stand for other words there");
  return {
    exchange: domain,
    key: type,
    held: {
      queue: fitting(`${event}.held`, event),
      options: {
        durable: true,
        arguments: {
          "x-message-ttl": HOLD_MS,
          "x-expires": HELD_EXPIRES_MS,
          "x-max-length": HELD_LENGTH,
          "x-overflow": "reject-publish",
          // A group that begins to listen while the event is on its way here gets it when its time is over.
          "x-dead-letter-exchange": domain,
          "x-dead-letter-routing-key": type,
        },
      },
    },
  };
}

/** @throws {ZcontextError} `ERR_ENGINE_UNFIT` for a name that the server can't have. */
export type PlacesOfGroup = (event: string, group: string) => GroupPlaces;

export const placesOfGroup: PlacesOfGroup = (event, group) => {
  const dead = fitting(`${event}.${group}.dead`, event);
  const main = quorum(`${event}.${group}.q`, {
    "x-max-length": QUEUE_LENGTH,
    "x-max-length-bytes": QUEUE_BYTES,
    "x-overflow": "reject-publish",
    "x-delivery-limit": DEATHS,
    "x-dead-letter-exchange": TO_QUEUE,
    "x-dead-letter-routing-key": dead,
    "x-dead-letter-strategy": "at-least-once",
  });
  return placesWith(event, dead, main);
};

/** As programs of the dialect `twyla` have it, which share the queue. */
export const placesOfTwylaGroup: PlacesOfGroup = (event, group) => {
  const dead = fitting(`${event}.${group}.dead`, event);
  return placesWith(event, dead, { queue: `${event}.${group}`, options: { durable: true, arguments: {} } });
};

function placesWith(event: string, dead: string, main: QueueToDeclare): GroupPlaces {
  const { exchange, key } = placesOfEvent(event);
  return {
    exchange,
    key,
    main,
    dead: quorum(dead, { "x-message-ttl": LETTER_MS, "x-max-length": LETTERS, "x-delivery-limit": NO_DEATHS }),
  };
}

/** The names of all groups, a message each; several of the same are one. */
export const GROUPS_QUEUE: QueueToDeclare = quorum("zcontext.groups", {
  "x-max-length": GROUPS,
  "x-delivery-limit": NO_DEATHS,
});

/** The shortest and the longest delay for which there are queues, in milliseconds; the longest is what the server can count. */
export const SHORTEST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2 ** 32 - 1;
const STEP = 1.2;
const DELAYS_MS: readonly number[] = delays();

function delays(): number[] {
  const all = [SHORTEST_DELAY_MS];
  for (let last = SHORTEST_DELAY_MS; last * STEP < LONGEST_DELAY_MS; all.push(last)) last = Math.ceil(last * STEP);
  return [...all, LONGEST_DELAY_MS];
}

/**
 * Where rejected events wait: a queue and an exchange for each of few delays, since only the first event of a queue is ever
 * due. The delay is no shorter than what was asked for, and longer by at most a fifth.
 */
export function placesOfDelay(delayMs: number): { exchange: string; delayed: QueueToDeclare } {
  const ms = DELAYS_MS.find((each) => each >= delayMs) ?? LONGEST_DELAY_MS;
  const name = `zcontext.delay.${ms}`;
  return {
    exchange: name,
    delayed: quorum(name, {
      "x-message-ttl": ms,
      "x-overflow": "reject-publish",
      // The key of the message stays, which is the queue of its group.
      "x-dead-letter-exchange": TO_QUEUE,
      "x-dead-letter-strategy": "at-least-once",
    }),
  };
}

function quorum(queue: string, args: { [name: string]: unknown }): QueueToDeclare {
  return { queue, options: { durable: true, arguments: { "x-queue-type": "quorum", ...args } } };
}

function fitting(queue: string, event: string): string {
  if (Buffer.byteLength(queue) <= LONGEST_BYTES) return queue;
  throw unfit(event, `its queue would be ${queue}, which is longer than ${LONGEST_BYTES} bytes`);
}

function unfit(event: string, why: string): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNFIT", `engine rabbitmq can't have the event ${event}: ${why}`, {
    hint: "Choose another name for the event or the group.",
  });
}
