// What is known of the queues: the server counts what waits and what members have; members say which they are, how fast
// they settle, and what they have put off.
import type { ConsumerInfo } from "@nats-io/jetstream";
import type { QueueFigures } from "../../../protocol/bus-figures.ts";
import { isObject } from "../../../protocol/json.ts";
import type { Letters } from "./letters.ts";
import type { Link, Session } from "./link.ts";
import type { MemberFigures } from "./member.ts";
import { EVERY_EVENT, eventOf, GROUP_ROLL, letterSubject } from "./names.ts";
import { durabilityOf } from "./streams.ts";

/** How long members have to answer, and how long after the last answer another one is waited for, in milliseconds. */
const [ROLL_MS, STALL_MS] = [1_000, 150];

/** Answers all that ask which groups this program takes part in. */
export function answerRoll({ nc }: Session, members: () => MemberFigures[]): void {
  nc.subscribe(GROUP_ROLL, {
    callback(error, message) {
      if (error === null) message.respond(JSON.stringify(members()));
    },
  });
}

export function readQueues(link: Link, letters: Letters): Promise<QueueFigures[]> {
  return link.attempt(async (session) => {
    const [members, dead] = await Promise.all([callRoll(session), letters.counts(session)]);
    const queues: QueueFigures[] = [];
    for await (const stream of session.jsm.streams.list(EVERY_EVENT)) {
      const stored = durabilityOf(stream);
      for await (const info of session.jsm.consumers.list(stream.config.name)) {
        const queue = queueOf(info);
        if (queue !== undefined) queues.push({ ...figuresOf(info, queue, members, dead), stored });
      }
    }
    return queues;
  });
}

async function callRoll({ nc, core }: Session): Promise<MemberFigures[]> {
  const options = { strategy: "stall", maxWait: ROLL_MS, stall: STALL_MS } as const;
  const members: MemberFigures[] = [];
  try {
    for await (const answer of await nc.requestMany(GROUP_ROLL, "", options))
      members.push(...answer.json<MemberFigures[]>());
  } catch (error) {
    if (!(error instanceof core.NoRespondersError)) throw error;
  }
  return members;
}

/** The event and group of a consumer; undefined for one that reads and keeps no place. */
function queueOf({ config }: ConsumerInfo): { event: string; group: string } | undefined {
  const { durable_name: name, filter_subject: subject = "", description = "" } = config;
  if (name === undefined) return undefined;
  return ownNames(description) ?? { event: eventOf(subject) ?? subject, group: name };
}

function ownNames(description: string): { event: string; group: string } | undefined {
  try {
    const value: unknown = JSON.parse(description);
    if (!isObject(value) || typeof value.event !== "string" || typeof value.group !== "string") return undefined;
    return { event: value.event, group: value.group };
  } catch {
    return undefined; // of a foreign program
  }
}

function figuresOf(
  { num_pending, num_ack_pending }: ConsumerInfo,
  { event, group }: { event: string; group: string },
  members: readonly MemberFigures[],
  dead: ReadonlyMap<string, number>,
): QueueFigures {
  const own = members.filter((member) => member.event === event && member.group === group);
  // Those of a member that has ended count as under way.
  const delayed = Math.min(num_ack_pending, sumOf(own.map((member) => member.delayed)));
  return {
    ...{ event, group, ready: num_pending, in_flight: num_ack_pending - delayed, delayed },
    dead: dead.get(letterSubject(event, group)) ?? 0,
    members: own.length,
    rate_per_s: sumOf(own.map((member) => member.rate_per_s)),
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
