// What becomes of a call at the service: its parameters are fetched and checked, the method runs, and its return or throw
// becomes the answer.
import { reasonOf } from "../errors.ts";
import type { ClaimCheck } from "./claims/claim-check.ts";
import type { Answer, IncomingCall } from "./contract/engine.ts";
import { type Failure, failureOf } from "./contract/service-error.ts";
import type { EventBus, MethodCall } from "./event-bus.ts";
import type { Check } from "./schema-check.ts";

interface ServedMethod {
  handle(params: never, call: MethodCall): unknown;
  check: Check | undefined;
}

interface Serving {
  claims: ClaimCheck;
  withStack: boolean;
  /** Aborted when the service waits for its methods no longer. */
  leaving: AbortSignal;
  /** How long a large result is kept, in milliseconds. */
  claimMs: number;
  onFailure(error: unknown): void;
}

/** Runs a method and answers. Never rejects. */
export async function answerOf(
  call: IncomingCall,
  method: ServedMethod | undefined,
  busOf: () => EventBus,
  { claims, withStack, claimMs, leaving, onFailure }: Serving,
): Promise<Answer> {
  const { service } = call;
  if (method === undefined)
    return { failure: refusal("ERR_METHOD_UNKNOWN", `${service} has no method ${call.method}`) };
  let params: unknown;
  try {
    const fetched = claims.fetchText(call.body.toString());
    params = JSON.parse(fetched instanceof Promise ? await fetched : fetched);
    const problem = method.check === undefined ? undefined : await method.check(params);
    if (problem !== undefined)
      return { failure: refusal("ERR_PARAMS_INVALID", `${service}.${call.method}: ${problem}`) };
  } catch (error) {
    return { failure: refusal("ERR_PARAMS_INVALID", `${service}.${call.method}: ${reasonOf(error)}`) };
  }
  try {
    const result = await method.handle(params as never, new CallInHand(call, busOf, leaving));
    const checkedIn = claims.checkIn(Buffer.from(JSON.stringify(result ?? null)), claimMs);
    return { result: checkedIn instanceof Promise ? await checkedIn : checkedIn };
  } catch (error) {
    onFailure(error);
    return { failure: failureOf(error, { withStack }) };
  }
}

/** A class, since one is made for each call. What costs something is made when the method asks for it. */
class CallInHand implements MethodCall {
  readonly id: string;
  readonly method: string;
  readonly src: string;
  readonly headers: { readonly [name: string]: string };
  readonly #call: IncomingCall;
  readonly #busOf: () => EventBus;
  readonly #leaving: AbortSignal;
  #bus: EventBus | undefined;
  #signal: AbortSignal | undefined;

  constructor(call: IncomingCall, busOf: () => EventBus, leaving: AbortSignal) {
    this.id = call.envelope.id;
    this.method = call.method;
    this.src = call.envelope.src;
    this.headers = call.envelope.headers ?? {};
    this.#call = call;
    this.#busOf = busOf;
    this.#leaving = leaving;
  }

  get bus(): EventBus {
    this.#bus ??= this.#busOf();
    return this.#bus;
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#call.signal, this.#leaving]);
    return this.#signal;
  }
}

function refusal(code: string, message: string): Failure {
  return { code, message, retryable: false, executed: "no" };
}
