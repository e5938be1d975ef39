// The services of this member, and the calls that it is carrying out.
import type { Answer, IncomingCall } from "../../contract/engine.ts";
import { createRememberedAnswers } from "../../contract/remembered-answers.ts";
import type { ToBroker } from "../operations.ts";
import { CallUnderWay, type Request } from "./call-under-way.ts";

type Handler = (call: IncomingCall) => Promise<Answer>;

export interface ServedCalls {
  add(service: string, methods: readonly string[], handler: Handler): void;
  remove(service: string): void;
  list(): { service: string; methods: string[] }[];
  /** Carries a call out and answers it. */
  serve(request: Request, bytes: Buffer): Promise<void>;
  abortOne(c: number): void;
  /** Aborts all calls under way: nobody waits for them any more. */
  abort(reason: unknown): void;
}

/** @param onIdle - Called when the answer to the last call under way was said. */
export function createServedCalls(say: (operation: ToBroker, body?: Buffer) => void, onIdle: () => void): ServedCalls {
  const services = new Map<string, { methods: readonly string[]; handler: Handler }>();
  const underWay = new Map<number, CallUnderWay>();
  const answers = createRememberedAnswers();

  return {
    add: (service, methods, handler) => void services.set(service, { methods, handler }),
    remove: (service) => void services.delete(service),
    list: () => [...services].map(([service, { methods }]) => ({ service, methods: [...methods] })),
    async serve(request, bytes) {
      const { c } = request;
      const call = new CallUnderWay(request, bytes);
      underWay.set(c, call);
      const handler = services.get(call.service)?.handler ?? unserved;
      const run = () => handler(call);
      const answer = await (request.isIdempotent === true ? answers.once(call.envelope.id, run) : run());
      underWay.delete(c);
      if (answer.failure !== undefined) say({ op: "fault", c, failure: answer.failure });
      else say({ op: "answer", c, size: answer.result.length }, answer.result);
      if (underWay.size === 0) onIdle();
    },
    abortOne: (c) => underWay.get(c)?.abort(),
    abort(reason) {
      for (const call of underWay.values()) call.abort(reason);
    },
  };
}

async function unserved({ service }: IncomingCall): Promise<Answer> {
  const message = `${service} is no longer served here`;
  return { failure: { code: "ERR_SERVICE_UNKNOWN", message, retryable: true, executed: "no" } };
}
