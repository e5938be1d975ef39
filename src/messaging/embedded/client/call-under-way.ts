import { Abortable } from "../../contract/abortable.ts";
import type { IncomingCall } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import type { FromBroker } from "../operations.ts";
import { envelopeIn } from "../parcel.ts";

export type Request = Extract<FromBroker, { op: "request" }>;

/** A call that this member carries out. A class, since one is made for each call: its members are shared. */
export class CallUnderWay extends Abortable implements IncomingCall {
  readonly service: string;
  readonly method: string;
  readonly budgetMs: number;
  readonly body: Buffer;
  readonly #bytes: Buffer;
  readonly #head: number;
  #envelope: Envelope | undefined;

  constructor({ service, method, budgetMs, head }: Request, bytes: Buffer) {
    super();
    this.service = service;
    this.method = method;
    this.budgetMs = budgetMs;
    this.body = bytes.subarray(head);
    this.#bytes = bytes;
    this.#head = head;
  }

  /** Read when it is first asked for: most methods never do. @throws {ZcontextError} `ERR_MESSAGE_MALFORMED`. */
  get envelope(): Envelope {
    this.#envelope ??= envelopeIn({ head: this.#head, bytes: this.#bytes });
    return this.#envelope;
  }
}
