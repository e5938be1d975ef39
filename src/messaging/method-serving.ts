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
  bus: EventBus,
  { claims, withStack, claimMs, leaving, onFailure }: Serving,
): Promise<Answer> {
  const { service, envelope } = call;
  if (method === undefined)
    return { failure: refusal("ERR_METHOD_UNKNOWN", `${service} has no method ${call.method}`) };
  let params: unknown;
  try {
    params = JSON.parse((await claims.fetch(call.body)).toString());
    const problem = await method.check?.(params);
    if (problem !== undefined)
      return { failure: refusal("ERR_PARAMS_INVALID", `${service}.${call.method}: ${problem}`) };
  } catch (error) {
    return { failure: refusal("ERR_PARAMS_INVALID", `${service}.${call.method}: ${reasonOf(error)}`) };
  }
  let signal: AbortSignal | undefined;
  const about: MethodCall = {
    ...{ id: envelope.id, method: call.method, src: envelope.src, headers: envelope.headers ?? {}, bus },
    get signal() {
      signal ??= AbortSignal.any([call.signal, leaving]);
      return signal;
    },
  };
  try {
    const result = await method.handle(params as never, about);
    return { result: await claims.checkIn(Buffer.from(JSON.stringify(result ?? null)), claimMs) };
  } catch (error) {
    onFailure(error);
    return { failure: failureOf(error, { withStack }) };
  }
}

function refusal(code: string, message: string): Failure {
  return { code, message, retryable: false, executed: "no" };
}
