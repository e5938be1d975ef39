// An event that a member has, until it is settled or lost.
import type { ZcontextError } from "../../../errors.ts";
import type { Delivery, Verdict } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import type { EventHead } from "./event-message.ts";

export interface HeldPlace {
  reply: string;
  seq: number;
  group: string;
  attempt: number;
  firstAt: number;
}

/** A class, since one is made for each event: its members are shared. */
export class HeldDelivery implements Delivery {
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
  #taken: AbortController | undefined;
  #loss: ZcontextError | undefined;

  constructor(
    { reply, seq, group, attempt, firstAt }: HeldPlace,
    { name, envelope }: EventHead,
    body: Buffer,
    settle: (delivery: HeldDelivery, verdict: Verdict) => void,
  ) {
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

  /** Made when it is first asked for: most handlers never do. */
  get taken(): AbortSignal {
    this.#taken ??= new AbortController();
    if (this.#loss !== undefined) this.#taken.abort(this.#loss);
    return this.#taken.signal;
  }

  get isTaken(): boolean {
    return this.#loss !== undefined;
  }

  settle(verdict: Verdict): void {
    this.#settle(this, verdict);
  }

  lose(error: ZcontextError): void {
    this.#loss = error;
    this.#taken?.abort(error);
  }
}
