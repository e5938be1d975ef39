// The groups of all events, and the queue of each. Pure.
import type { GroupTotals, QueueFigures } from "../../../protocol/bus-figures.ts";
import { createGroupQueue, type GroupQueue } from "./group-queue.ts";
import type { Group } from "./store.ts";

/** The groups of an event, and their numbers. */
export interface Wanted {
  queues: readonly GroupQueue[];
  groups: number[];
}

export interface Groups {
  /** The queue of a group by its number. */
  get(g: number): GroupQueue | undefined;
  find(event: string, group: string): GroupQueue | undefined;
  all(): IterableIterator<GroupQueue>;
  wanting(event: string): Wanted;
  /** The queue of a group, which is a new one where the group is. */
  of(event: string, group: string): GroupQueue;
  /** @param deadOf - How many dead letters a group has. */
  figures(deadOf: (g: number) => number, nowMs: number): QueueFigures[];
  /** @param serviceOf - The service of a member. */
  totals(serviceOf: (member: string) => string): GroupTotals[];
}

const UNWANTED: Wanted = { queues: [], groups: [] };

/** @param known - Those that a former broker has left. */
export function createGroups(known: readonly Group[]): Groups {
  const queues = new Map<number, GroupQueue>();
  const wantedBy = new Map<string, Wanted>();
  let last = 0;
  for (const group of known) add(group);

  function add(group: Group): GroupQueue {
    const queue = createGroupQueue(group);
    last = Math.max(last, group.g);
    queues.set(queue.g, queue);
    const all = [...(wantedBy.get(queue.event)?.queues ?? []), queue];
    wantedBy.set(queue.event, { queues: all, groups: all.map(({ g }) => g) });
    return queue;
  }

  function find(event: string, group: string): GroupQueue | undefined {
    return wantedBy.get(event)?.queues.find((queue) => queue.group === group);
  }

  return {
    get: (g) => queues.get(g),
    find,
    all: () => queues.values(),
    wanting: (event) => wantedBy.get(event) ?? UNWANTED,
    of: (event, group) => find(event, group) ?? add({ g: last + 1, event, group }),
    figures: (deadOf, nowMs) => [...queues.values()].map((queue) => queue.figures(deadOf(queue.g), nowMs)),
    totals: (serviceOf) =>
      [...queues.values()].map(({ event, group, totals, members }) => ({
        ...{ event, group, ...totals },
        services: [...new Set(members().map(serviceOf))],
      })),
  };
}
