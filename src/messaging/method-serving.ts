// What becomes of a call at the service: its parameters are fetched and checked, the method runs, and its return or throw
// becomes the answer. Nothing is waited for that is there already: a method that returns no promise answers at once.
import { reasonOf } from "../errors.ts";
import type { Method, MethodCall } from "./bus-types.ts";
import type { ClaimCheck } from "./claims/claim-check.ts";
import type { Answer, IncomingCall } from "./contract/engine.ts";
import { type Failure, failureOf } from "./contract/service-error.ts";
import type { EventBus } from "./event-bus.ts";
import { type Check, checkOf } from "./schema-check.ts";

interface ServedMethod {
  handle(params: never, call: MethodCall): unknown;
  check: Check | undefined;
}

/** What the methods of one service have in common. */
export interface Serving {
  claims: ClaimCheck;
  withStack: boolean;
  /** Aborted when the service waits for its methods no longer. */
  leaving: AbortSignal;
  /** How long a large result is kept, in milliseconds. */
  claimMs: number;
  /** The bus for what a method does. @param deadlineMs - Until when its answer is waited for, by the monotonic clock. */
  busOf(call: IncomingCall, deadlineMs: number): EventBus;
  onFailure(error: unknown, call: IncomingCall): void;
}

type Answered = Promise<Answer> | Answer;

/** A call, and all that it takes to answer it. */
interface Work {
  call: IncomingCall;
  method: ServedMethod;
  serving: Serving;
  /** What the method sees of it. */
  inHand: MethodCall;
}

/** The methods that can be called: an object's own ones. @throws {ZcontextError} `ERR_SCHEMA_INVALID`. */
export function servedMethods(
  service: string,
  methods: { readonly [name: string]: Method },
): ReadonlyMap<string, ServedMethod> {
  return new Map(
    Object.entries(methods).map(([name, method]) => {
      const handle = typeof method === "function" ? method : method.handle.bind(method);
      const check = typeof method === "function" ? undefined : checkOf(method.params, `${service}.${name}`);
      return [name, { handle, check }];
    }),
  );
}

/** Runs a method and answers. Never rejects. */
export function answerOf(call: IncomingCall, method: ServedMethod | undefined, serving: Serving): Answered {
  if (method === undefined)
    return { failure: refusal("ERR_METHOD_UNKNOWN", `${call.service} has no method ${call.method}`) };
  const work: Work = { call, method, serving, inHand: new CallInHand(call, serving) };
  let params: unknown;
  try {
    const fetched = serving.claims.fetchText(call.body.toString());
    if (fetched instanceof Promise || method.check !== undefined) return answerLater(fetched, work);
    params = JSON.parse(fetched);
  } catch (error) {
    return unreadable(call, reasonOf(error));
  }
  return run(params, work);
}

async function answerLater(fetched: string | Promise<string>, work: Work): Promise<Answer> {
  let params: unknown;
  try {
    params = JSON.parse(await fetched);
    const problem = await work.method.check?.(params);
    if (problem !== undefined) return unreadable(work.call, problem);
  } catch (error) {
    return unreadable(work.call, reasonOf(error));
  }
  return run(params, work);
}

function run(params: unknown, work: Work): Answered {
  const { method, inHand } = work;
  const fail = (error: unknown) => failed(error, work);
  try {
    const returned = method.handle(params as never, inHand);
    if (isThenable(returned))
      return Promise.resolve(returned)
        .then((result) => resultOf(result, work))
        .catch(fail);
    const answer = resultOf(returned, work);
    return answer instanceof Promise ? answer.catch(fail) : answer;
  } catch (error) {
    return fail(error);
  }
}

function resultOf(returned: unknown, { serving }: Work): Answered {
  const body = serving.claims.checkIn(Buffer.from(JSON.stringify(returned ?? null)), serving.claimMs);
  return body instanceof Promise ? body.then((result) => ({ result })) : { result: body };
}

function failed(error: unknown, { call, serving }: Work): Answer {
  serving.onFailure(error, call);
  return { failure: failureOf(error, serving) };
}

function unreadable({ service, method }: IncomingCall, problem: string): Answer {
  return { failure: refusal("ERR_PARAMS_INVALID", `${service}.${method}: ${problem}`) };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** A class, since one is made for each call. What costs something is made when the method asks for it. */
class CallInHand implements MethodCall {
  readonly #call: IncomingCall;
  readonly #serving: Serving;
  /** Until then its answer is waited for. */
  readonly #deadlineMs: number;
  #bus: EventBus | undefined;
  #signal: AbortSignal | undefined;

  constructor(call: IncomingCall, serving: Serving) {
    this.#call = call;
    this.#serving = serving;
    this.#deadlineMs = performance.now() + call.budgetMs;
  }

  get id(): string {
    return this.#call.envelope.id;
  }

  get method(): string {
    return this.#call.method;
  }

  get src(): string {
    return this.#call.envelope.src;
  }

  get headers(): { readonly [name: string]: string } {
    return this.#call.envelope.headers ?? {};
  }

  get bus(): EventBus {
    this.#bus ??= this.#serving.busOf(this.#call, this.#deadlineMs);
    return this.#bus;
  }

  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#call.signal, this.#serving.leaving]);
    return this.#signal;
  }
}

function refusal(code: string, message: string): Failure {
  return { code, message, retryable: false, executed: "no" };
}
