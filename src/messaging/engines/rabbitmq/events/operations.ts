// What people and programs see of groups and dead letters, and do with them, by AMQP alone: the server lists no queues, so each
// group is noted in a queue of names.
import { randomUUID } from "node:crypto";
import type { Channel, ChannelModel } from "amqplib";
import type { QueueFigures } from "../../../../protocol/bus-figures.ts";
import { object, read, text } from "../../../../protocol/schema.ts";
import type { DeadLetter, Operations } from "../../../contract/engine.ts";
import type { Declarations } from "../server/declarations.ts";
import type { Outcome, Publication } from "../server/publisher.ts";
import { readAll } from "../server/reading.ts";
import { GROUPS_QUEUE, type PlacesOfGroup, TO_QUEUE } from "../server/topology.ts";
import { propertiesOfFirst } from "./event-message.ts";
import { letterOf } from "./letter-message.ts";
import type { Members } from "./members.ts";

export interface OperationsOptions {
  model(): Promise<ChannelModel>;
  declarations: Declarations;
  publish(publication: Publication): Promise<Outcome>;
  members: Members;
  placesOfGroup: PlacesOfGroup;
}

interface Group {
  event: string;
  group: string;
}

const NEVER = { atMs: Number.NEGATIVE_INFINITY, groups: Promise.resolve<Group[]>([]) };
const RECENT_MS = 2_000;
const GROUP = object({ event: text, group: text });

export interface KnownGroups {
  /** Those that have ever listened, whether or not a member is there now. */
  groups(): Promise<Group[]>;
  /** All of them that are about events. */
  operations: Omit<Operations, "services" | "tap">;
}

export function createOperations(options: OperationsOptions): KnownGroups {
  const { model, declarations, publish, members, placesOfGroup } = options;
  let recent = NEVER;

  async function groups(): Promise<Group[]> {
    const found = new Map<string, Group>();
    await readAll(await model(), GROUPS_QUEUE.queue, ({ content }) => {
      const group = groupIn(content);
      if (group === undefined) return true;
      const key = JSON.stringify([group.event, group.group]);
      const isKnown = found.has(key);
      found.set(key, group);
      return isKnown;
    });
    return [...found.values()];
  }

  /** As they were a moment ago: programs that show queues ask each second. */
  async function recentGroups(): Promise<Group[]> {
    if (performance.now() - recent.atMs > RECENT_MS) recent = { atMs: performance.now(), groups: groups() };
    try {
      return await recent.groups;
    } catch (error) {
      recent = NEVER;
      throw error;
    }
  }

  async function visitLetters(
    of: (group: Group) => boolean,
    visit: (letter: DeadLetter, body: Buffer, again: () => Promise<void>) => Promise<boolean> | boolean,
  ): Promise<void> {
    const through = await model();
    for (const group of await groups()) {
      if (!of(group)) continue;
      const { main, dead } = placesOfGroup(group.event, group.group);
      await readAll(through, dead.queue, (message) =>
        visit(letterOf(message, group), message.content, async () => {
          const { content: body, properties } = message;
          const first = propertiesOfFirst(properties, randomUUID());
          const outcome = await publish({ exchange: TO_QUEUE, key: main.queue, body, properties: first });
          if (outcome !== "stored") throw new Error(`the queue ${main.queue} does not take it: ${outcome}`);
        }),
      );
    }
  }

  /** Removes these letters, and acts once for each: a letter whose confirmation was lost may be there several times. */
  async function take(ids: readonly string[], act: (again: () => Promise<void>) => Promise<void>): Promise<number> {
    const wanted = new Set(ids);
    const done = new Set<string>();
    const mayBeOf = ({ event, group }: Group) => ids.some((id) => id.startsWith(`${event}/${group}/`));
    await visitLetters(mayBeOf, async ({ id }, _, again) => {
      if (!wanted.has(id)) return false;
      if (!done.has(id)) await act(again);
      done.add(id);
      return true;
    });
    return done.size;
  }

  const operations: KnownGroups["operations"] = {
    async queues() {
      const counted = await Promise.all(
        (await recentGroups()).map(async ({ event, group }) => {
          const { main, dead } = placesOfGroup(event, group);
          const [waiting, letters] = [await check(declarations, main.queue), await check(declarations, dead.queue)];
          return waiting && { event, group, waiting, dead: letters?.messageCount ?? 0 };
        }),
      );
      const there = counted.filter((one) => one !== undefined);
      const shares = await members.ask(there.reduce((sum, { waiting }) => sum + waiting.consumerCount, 0));
      return there.map(({ event, group, waiting, dead }): QueueFigures => {
        const own = shares.filter((share) => share.event === event && share.group === group);
        const sum = (field: "in_flight" | "delayed" | "rate_per_s") => own.reduce((all, one) => all + one[field], 0);
        return {
          ...{ event, group, ready: waiting.messageCount, in_flight: sum("in_flight"), delayed: sum("delayed"), dead },
          ...{ members: waiting.consumerCount, rate_per_s: sum("rate_per_s") },
        };
      });
    },
    async deadLetters({ event, group }) {
      const letters = new Map<string, DeadLetter>();
      const isWanted = (of: Group) => (event ?? of.event) === of.event && (group ?? of.group) === of.group;
      await visitLetters(isWanted, (letter) => {
        if (!letters.has(letter.id)) letters.set(letter.id, letter);
        return false;
      });
      return [...letters.values()];
    },
    async deadLetter(wanted) {
      let found: (DeadLetter & { body: Buffer }) | undefined;
      const mayBeOf = ({ event, group }: Group) => wanted.startsWith(`${event}/${group}/`);
      await visitLetters(mayBeOf, (letter, body) => {
        if (letter.id === wanted) found ??= { ...letter, body };
        return false;
      });
      return found;
    },
    replay: (ids) => take(ids, (again) => again()),
    discard: (ids) => take(ids, async () => {}),
  };
  return { groups, operations };
}

function check(declarations: Declarations, queue: string) {
  return declarations.run((channel: Channel) => channel.checkQueue(queue)).catch(() => undefined);
}

function groupIn(content: Buffer): Group | undefined {
  try {
    return read(GROUP, JSON.parse(content.toString())).value;
  } catch {
    return undefined;
  }
}
