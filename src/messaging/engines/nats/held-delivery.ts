// An event that a member has, until it is settled or lost.
import type { Delivery, Verdict } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import { Losable } from "../../contract/losable.ts";
import type { EventHead } from "./event-message.ts";

export interface HeldPlace {
  reply: string;
  seq: number;
  group: string;
  attempt: number;
  firstAt: number;
}

/** A class, since one is made for each event: its members are shared. */
export class HeldDelivery extends Losable implements Delivery {
  /** Where the server waits for what becomes of it. */
  reply: string;
  readonly seq: number;
  readonly name: string;
  readonly group: string;
  readonly attempt: number;
  readonly firstAt: number;
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly #settle: (delivery: HeldDelivery, verdict: Verdict) => void;

  constructor(
    { reply, seq, group, attempt, firstAt }: HeldPlace,
    { name, envelope }: EventHead,
    body: Buffer,
    settle: (delivery: HeldDelivery, verdict: Verdict) => void,
  ) {
    super();
    this.reply = reply;
    this.seq = seq;
    this.name = name;
    this.group = group;
    this.attempt = attempt;
    this.firstAt = firstAt;
    this.envelope = envelope;
    this.body = body;
    this.#settle = settle;
  }

  settle(verdict: Verdict): void {
    this.#settle(this, verdict);
  }
}
