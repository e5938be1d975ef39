// The services of this member, and the calls that it is carrying out.
import type { Answer, IncomingCall } from "../../contract/engine.ts";
import { createRememberedAnswers } from "../../contract/remembered-answers.ts";
import type { FromBroker, ToBroker } from "../operations.ts";
import { unpack } from "../parcel.ts";

type Handler = (call: IncomingCall) => Promise<Answer>;

export interface ServedCalls {
  add(service: string, methods: readonly string[], handler: Handler): void;
  remove(service: string): void;
  list(): { service: string; methods: string[] }[];
  /** Carries a call out and answers it. */
  serve(request: Extract<FromBroker, { op: "request" }>, bytes: Buffer): Promise<void>;
  abortOne(c: number): void;
  /** Aborts all calls under way: nobody waits for them any more. */
  abort(reason: unknown): void;
}

export function createServedCalls(say: (operation: ToBroker, body?: Buffer) => void): ServedCalls {
  const services = new Map<string, { methods: readonly string[]; handler: Handler }>();
  const underWay = new Map<number, AbortController>();
  const answers = createRememberedAnswers();

  return {
    add: (service, methods, handler) => void services.set(service, { methods, handler }),
    remove: (service) => void services.delete(service),
    list: () => [...services].map(([service, { methods }]) => ({ service, methods: [...methods] })),
    async serve({ c, service, method, budgetMs, head }, bytes) {
      const { envelope, body } = unpack({ head, bytes });
      const controller = new AbortController();
      const { signal } = controller;
      underWay.set(c, controller);
      const handler = services.get(service)?.handler ?? unserved;
      const call = { service, method, envelope, budgetMs, body, signal };
      const answer = await answers.once(envelope.id, () => handler(call));
      underWay.delete(c);
      if (answer.failure !== undefined) say({ op: "fault", c, failure: answer.failure });
      else say({ op: "answer", c, size: answer.result.length }, answer.result);
    },
    abortOne: (c) => underWay.get(c)?.abort(),
    abort(reason) {
      for (const controller of underWay.values()) controller.abort(reason);
    },
  };
}

async function unserved({ service }: IncomingCall): Promise<Answer> {
  const message = `${service} is no longer served here`;
  return { failure: { code: "ERR_SERVICE_UNKNOWN", message, retryable: true, executed: "no" } };
}
