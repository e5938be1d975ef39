// The streams and consumers that the server keeps events in. Each is made when it is first needed, and again where the server
// has lost it; one that is there already is taken as it is.
//
// A stream keeps an event until each group has settled it, and nothing that no group wants (retention by interest). So an
// event of which no group is known goes to a stream of its own, where it is held for as long as is promised.
import type { ConsumerInfo, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import type { Durability } from "../../contract/engine.ts";
import { unfit } from "./faults.ts";
import type { Session } from "./link.ts";
import { consumerOf, EVERY_HELD, EVERY_LETTER, HELD_STREAM, LETTER_STREAM, placesOf } from "./names.ts";
import type { Keeping } from "./options.ts";

/** How much streams keep. */
const LIMITS = {
  /** Events of one name, whatever their state. */
  length: 100_000,
  /** Of a domain. */
  bytes: 256 * 2 ** 20,
  heldMs: 10_000,
  heldLength: 10_000,
  letters: 10_000,
  letterMs: 7 * 24 * 3600 * 1000,
  /** How long an event that is sent again after a lost connection is known to be there. */
  duplicateMs: 120_000,
} as const;

/** How long a member may be silent about an event before it is given to another one, in milliseconds. */
export const ACK_WAIT_MS = 10_000;
/** Pulls that may wait at a consumer: those of all members of the group. */
const MAX_PULLS = 2_048;
/** Names of events whose stream is looked up once. */
const MAX_NAMES = 10_000;
const STREAM_NOT_FOUND = 10059;

export interface Streams {
  /** Of a domain, by the name of one of its events. @returns What its events survive. */
  events(session: Session, event: string): Promise<Durability>;
  held(session: Session): Promise<Durability>;
  letters(session: Session): Promise<Durability>;
  /** Makes the consumer of a group, in a stream that is there. */
  addGroup(session: Session, event: string, group: string): Promise<void>;
  /** The consumers of all groups that want an event; those of foreign programs as well. */
  groupsOf(session: Session, event: string): Promise<ConsumerInfo[]>;
  /** What is there may be gone: all is looked for again. */
  forget(): void;
}

type Wanted = Partial<StreamConfig> & { name: string; subjects: string[] };

export function createStreams({ storage, replicas }: Keeping): Streams {
  const found = new Map<string, Promise<Durability>>();
  /** The same by the names of events, which are more. */
  const foundFor = new Map<string, Promise<Durability>>();

  function ensure(session: Session, wanted: Wanted): Promise<Durability> {
    const known = found.get(wanted.name);
    if (known !== undefined) return known;
    const looking = findOrAdd(session, { ...wanted, storage, num_replicas: replicas }).then(durabilityOf);
    found.set(wanted.name, looking);
    looking.catch(() => found.get(wanted.name) === looking && found.delete(wanted.name));
    return looking;
  }

  return {
    events(session, event) {
      const known = foundFor.get(event);
      if (known !== undefined) return known;
      const { stream: name, domain } = placesOf(event);
      const { jetstream, core } = session;
      const looking = ensure(session, {
        ...{ name, subjects: [domain], retention: jetstream.RetentionPolicy.Interest },
        ...{ discard: jetstream.DiscardPolicy.New, discard_new_per_subject: true },
        ...{ max_msgs_per_subject: LIMITS.length, max_bytes: LIMITS.bytes },
        duplicate_window: core.nanos(LIMITS.duplicateMs),
      });
      if (foundFor.size < MAX_NAMES) foundFor.set(event, looking);
      return looking;
    },
    held(session) {
      const { jetstream, core } = session;
      return ensure(session, {
        ...{ name: HELD_STREAM, subjects: [EVERY_HELD], discard: jetstream.DiscardPolicy.New },
        ...{ max_msgs: LIMITS.heldLength, max_age: core.nanos(LIMITS.heldMs) },
        duplicate_window: core.nanos(LIMITS.heldMs),
      });
    },
    letters(session) {
      const { core } = session;
      return ensure(session, {
        ...{ name: LETTER_STREAM, subjects: [EVERY_LETTER] },
        ...{ max_msgs: LIMITS.letters, max_age: core.nanos(LIMITS.letterMs) },
        duplicate_window: core.nanos(LIMITS.duplicateMs),
      });
    },
    async addGroup({ jsm, core, jetstream: { AckPolicy, DeliverPolicy } }, event, group) {
      const { stream, subject } = placesOf(event);
      await jsm.consumers.add(stream, {
        ...{ durable_name: consumerOf(event, group), description: JSON.stringify({ event, group }) },
        ...{ filter_subject: subject, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.New },
        // What members have is bounded by what they ask for; events that are to be tried later count as well.
        ...{ ack_wait: core.nanos(ACK_WAIT_MS), max_ack_pending: -1, max_deliver: -1, max_waiting: MAX_PULLS },
      });
    },
    async groupsOf({ jsm }, event) {
      const { stream, domain, subject } = placesOf(event);
      const wanted = new Set([undefined, "", domain, subject]);
      const groups: ConsumerInfo[] = [];
      for await (const info of jsm.consumers.list(stream))
        if (info.config.durable_name !== undefined && wanted.has(info.config.filter_subject)) groups.push(info);
      return groups;
    },
    forget() {
      found.clear();
      foundFor.clear();
    },
  };
}

async function findOrAdd({ jsm, jetstream }: Session, wanted: Wanted): Promise<StreamInfo> {
  try {
    return assertUsable(await jsm.streams.info(wanted.name), wanted, jetstream.RetentionPolicy.Limits);
  } catch (error) {
    if (!(error instanceof jetstream.JetStreamApiError) || error.code !== STREAM_NOT_FOUND) throw error;
    return jsm.streams.add(wanted);
  }
}

/** One that somebody else has made: with other bounds, it may be. */
function assertUsable(info: StreamInfo, wanted: Wanted, byDefault: string): StreamInfo {
  const { subjects = [], retention } = info.config;
  const isSame = wanted.subjects.every((subject) => subjects.includes(subject));
  if (isSame && retention === (wanted.retention ?? byDefault)) return info;
  const expected = `${wanted.subjects} with retention ${wanted.retention ?? byDefault}`;
  throw unfit(`stream ${wanted.name} has ${subjects} with retention ${retention}, expected ${expected}`, undefined);
}

/** What the events of a stream survive. */
export function durabilityOf({ config }: StreamInfo): "memory" | "file" | "replicated" {
  if (config.num_replicas > 1) return "replicated";
  return config.storage === "memory" ? "memory" : "file";
}
