// An event that this member has. It outlives the connection that it came over: the server gives it again, to this member or to
// another one, and what was decided about it meanwhile is done then. Pure.
import type { Channel, ConsumeMessage } from "amqplib";
import type { Delivery, Membership, Verdict } from "../../../contract/engine.ts";
import type { Envelope } from "../../../contract/envelope.ts";
import { Losable } from "../../../contract/losable.ts";
import type { EventHead } from "./event-message.ts";

/** A class, since one is made for each event: its members are shared. */
export class HeldDelivery extends Losable implements Delivery {
  readonly name: string;
  readonly group: string;
  readonly head: EventHead;
  readonly body: Buffer;
  /** How the server gave it, the last time. */
  given: { channel: Channel; message: ConsumeMessage };
  /** What was decided; undefined while its handler runs. */
  verdict: Verdict | undefined;
  /** What was decided is being stored, and is not to be stored once more. */
  isBeingStored = false;
  readonly #onSettled: (delivery: HeldDelivery) => void;

  constructor(
    { name, group }: Membership,
    given: HeldDelivery["given"],
    head: EventHead,
    onSettled: (delivery: HeldDelivery) => void,
  ) {
    super();
    this.name = name;
    this.group = group;
    this.given = given;
    this.head = head;
    this.body = given.message.content;
    this.#onSettled = onSettled;
  }

  get envelope(): Envelope {
    return this.head.envelope;
  }

  get attempt(): number {
    return this.head.attempt;
  }

  get firstAt(): number {
    return this.head.firstAt;
  }

  settle(verdict: Verdict): void {
    if (this.verdict !== undefined || this.isTaken) return;
    this.verdict = verdict;
    this.#onSettled(this);
  }
}
