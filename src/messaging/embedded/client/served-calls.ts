// The services of this member, and the calls that it is carrying out.
import { reasonOf } from "../../../errors.ts";
import { createNumberMap } from "../../../number-map.ts";
import type { Answer, CallHandler, Engine, IncomingCall } from "../../contract/engine.ts";
import { createRememberedAnswers } from "../../contract/remembered-answers.ts";
import { subscriptionOf } from "../../contract/subscription.ts";
import type { ToBroker } from "../operations.ts";
import { CallUnderWay, type Request } from "./call-under-way.ts";
import type { Conversation } from "./conversation.ts";

export interface ServedCalls {
  add(service: string, methods: readonly string[], handler: CallHandler): void;
  remove(service: string): void;
  list(): { service: string; methods: string[] }[];
  /** Carries a call out and answers it: at once where its method does. */
  serve(request: Request, bytes: Buffer): void;
  abortOne(c: number): void;
  /** Aborts all calls under way: nobody waits for them any more. */
  abort(reason: unknown): void;
  /** Whether no call is under way. */
  readonly isIdle: boolean;
}

/** @param onIdle - Called when the answer to the last call under way was said. */
export function createServedCalls(say: (operation: ToBroker, body?: Buffer) => void, onIdle: () => void): ServedCalls {
  const services = new Map<string, { methods: readonly string[]; handler: CallHandler }>();
  const underWay = createNumberMap<CallUnderWay>();
  const answers = createRememberedAnswers();

  function carryOut(call: CallUnderWay, { service, isIdempotent }: Request): Promise<Answer> | Answer {
    const handler = services.get(service)?.handler ?? unserved;
    try {
      return isIdempotent === true ? answers.once(call.envelope.id, () => handler(call)) : handler(call);
    } catch (error) {
      // Its envelope can't be read.
      const message = reasonOf(error);
      return { failure: { code: "ERR_MESSAGE_MALFORMED", message, retryable: false, executed: "no" } };
    }
  }

  function tell(c: number, { failure, result }: Answer): void {
    if (failure !== undefined) say({ op: "fault", c, failure });
    else say({ op: "answer", c, size: result.length }, result);
    if (underWay.size === 0) onIdle();
  }

  return {
    add: (service, methods, handler) => void services.set(service, { methods, handler }),
    remove: (service) => void services.delete(service),
    list: () => [...services].map(([service, { methods }]) => ({ service, methods: [...methods] })),
    serve(request, bytes) {
      const { c } = request;
      const call = new CallUnderWay(request, bytes);
      const answer = carryOut(call, request);
      if (!(answer instanceof Promise)) return tell(c, answer);
      underWay.set(c, call);
      void answer.then((known) => {
        underWay.delete(c);
        tell(c, known);
      });
    },
    abortOne: (c) => underWay.get(c)?.abort(),
    abort(reason) {
      for (const call of underWay.values()) call.abort(reason);
    },
    get isIdle() {
      return underWay.size === 0;
    },
  };
}

/** Serves a service at the broker, and no longer once its subscription is closed. */
export function createServe({ ask, nextN }: Pick<Conversation, "ask" | "nextN">, served: ServedCalls): Engine["serve"] {
  return async (service, methods, handler) => {
    served.add(service, methods, handler);
    await ask({ op: "serve", n: nextN(), service, methods: [...methods] });
    return subscriptionOf(async () => {
      await ask({ op: "unserve", n: nextN(), service });
      served.remove(service);
    });
  };
}

function unserved({ service }: IncomingCall): Answer {
  const message = `${service} is no longer served here`;
  return { failure: { code: "ERR_SERVICE_UNKNOWN", message, retryable: true, executed: "no" } };
}
