// The members that are connected, and what each is told in its next batch. Pure.
import { serviceOf } from "../../contract/envelope.ts";
import type { Batch, FromBroker, Hello, Item } from "../operations.ts";
import type { Sender } from "./senders.ts";

export interface Connected {
  readonly id: string;
  readonly src: string;
  readonly process: Hello["process"];
  readonly sender: Sender;
  heardMs: number;
  /** The number of the last batch that was carried out. */
  received: number;
  sent: number;
  /** What it is told next; undefined where nothing is due. */
  items: Item<FromBroker>[] | undefined;
}

export interface Members {
  readonly size: number;
  add(id: string, hello: Hello, nowMs: number): Connected;
  get(id: string): Connected | undefined;
  all(): Connected[];
  /** @returns Whether it was there. */
  remove(id: string): boolean;
  /** The service of a member; empty where it is not there. */
  serviceOf(id: string): string;
  /** Says something in its next batch; to nobody where it is not there. */
  tell(id: string, operation: FromBroker, body?: Buffer): void;
  /** Tells it the number of the last batch that was carried out, even with nothing else: its emits and settlements wait for that. */
  answer(member: Connected): void;
  /** Sends to each what it is told. */
  flush(): void;
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * @param send - Sends a batch to a member.
 * @param senderOf - Counts what a service sends.
 */
export function createMembers(
  send: (member: string, batch: Batch<FromBroker>) => void,
  senderOf: (service: string) => Sender,
): Members {
  const members = new Map<string, Connected>();
  /** Those that something is told. */
  let due: Connected[] = [];

  function itemsFor(member: Connected): Item<FromBroker>[] {
    if (member.items !== undefined) return member.items;
    member.items = [];
    due.push(member);
    return member.items;
  }

  return {
    get size() {
      return members.size;
    },
    add(id, { src, process }, nowMs) {
      const sender = senderOf(serviceOf(src));
      const member: Connected = { id, src, process, sender, heardMs: nowMs, received: 0, sent: 0, items: undefined };
      members.set(id, member);
      return member;
    },
    get: (id) => members.get(id),
    all: () => [...members.values()],
    remove: (id) => members.delete(id),
    serviceOf: (id) => members.get(id)?.sender.service ?? "",
    tell(id, operation, body = NOTHING) {
      const member = members.get(id);
      if (member !== undefined) itemsFor(member).push({ operation, body });
    },
    answer: (member) => void itemsFor(member),
    flush() {
      const told = due;
      due = [];
      for (const member of told) {
        const { id, items = [] } = member;
        member.items = undefined;
        if (members.get(id) !== member) continue;
        member.sent += 1;
        send(id, { number: member.sent, done: member.received, items });
      }
    },
  };
}
