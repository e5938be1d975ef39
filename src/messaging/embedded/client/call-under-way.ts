import type { IncomingCall } from "../../contract/engine.ts";
import type { Envelope } from "../../contract/envelope.ts";
import type { FromBroker } from "../operations.ts";
import { unpack } from "../parcel.ts";

export type Request = Extract<FromBroker, { op: "request" }>;

/** A call that this member carries out. A class, since one is made for each call: its members are shared. */
export class CallUnderWay implements IncomingCall {
  readonly service: string;
  readonly method: string;
  readonly budgetMs: number;
  readonly envelope: Envelope;
  readonly body: Buffer;
  #controller: AbortController | undefined;
  #abortion: { reason: unknown } | undefined;

  /** @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where no envelope stands in it. */
  constructor({ service, method, budgetMs, head }: Request, bytes: Buffer) {
    const { envelope, body } = unpack({ head, bytes });
    this.service = service;
    this.method = method;
    this.budgetMs = budgetMs;
    this.envelope = envelope;
    this.body = body;
  }

  /** Made when it is first asked for: most methods never do. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortion !== undefined) this.#controller.abort(this.#abortion.reason);
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#abortion ??= { reason };
    this.#controller?.abort(reason);
  }
}
