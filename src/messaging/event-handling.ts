// What becomes of a delivery: its body is fetched and checked, the handler runs, and its return or throw becomes a verdict.
import { reasonOf, ZcontextError } from "../errors.ts";
import { isObject, type Json } from "../protocol/json.ts";
import type { ClaimCheck } from "./claims/claim-check.ts";
import type { DeathReason, Delivery, Verdict } from "./contract/engine.ts";
import { failureOf, isNonRetryable } from "./contract/service-error.ts";
import { type Decision, EventInHand, type EventPayload, type ReceivedEvent } from "./received-event.ts";
import { delayAfter, type RetryPolicy } from "./retry.ts";
import type { Check } from "./schema-check.ts";
import type { Leaving } from "./work-in-hand.ts";

export interface EventHandling {
  claims: ClaimCheck;
  retry: RetryPolicy;
  /** What the content must look like. */
  checks: { content: Check | undefined; context: Check | undefined };
  /** The handler's name, for the dead letters. */
  handlerName: string;
  handle(event: ReceivedEvent, delivery: Delivery): Promise<void> | void;
  /** Called with everything that a handler throws. */
  onFailure(error: unknown, delivery: Delivery): void;
  leaving: Leaving;
  nowMs(): number;
  random(): number;
}

/** Handles one delivery and settles it. Never rejects. @returns Nothing where all of that is done already. */
export function handleDelivery(delivery: Delivery, options: EventHandling): Promise<void> | undefined {
  const unfit = unfitness(delivery, options);
  if (unfit !== undefined) return give(delivery, unfit);
  try {
    const payload = read(delivery, options);
    if (!(payload instanceof Promise)) return handle(delivery, payload, options);
    return payload.then(
      (read) => handle(delivery, read, options),
      (error) => give(delivery, unreadable(error, options)),
    );
  } catch (error) {
    return give(delivery, unreadable(error, options));
  }
}

function give(delivery: Delivery, verdict: Verdict): undefined {
  delivery.settle(verdict);
}

/** Why it is not worth a try. */
function unfitness({ envelope, attempt }: Delivery, options: EventHandling): Verdict | undefined {
  if (envelope.ttl_ms !== undefined && envelope.sent + envelope.ttl_ms < options.nowMs())
    return dead("expired", new Error(`it was of use for ${envelope.ttl_ms} ms`), options);
  if (attempt > options.retry.attempts)
    return dead("attempts", new Error(`the member that had attempt ${attempt - 1} has died`), options);
  return undefined;
}

function unreadable(error: unknown, options: EventHandling): Verdict {
  return dead(error instanceof Unreadable ? error.reason : "malformed", error, options);
}

function handle(delivery: Delivery, payload: EventPayload, options: EventHandling): Promise<void> | undefined {
  const { leaving } = options;
  const event = new EventInHand(delivery, payload, leaving.signal, (decided) =>
    delivery.settle(verdictOf(decided, delivery, options)),
  );
  const fail = (error: unknown): undefined => {
    // A handler that ends since its event was taken from it has no fault.
    if (!event.isTakenBy(error)) options.onFailure(error, delivery);
    if (!event.isSettled) give(delivery, verdictAfter(error, delivery, options));
  };
  let running: Promise<void> | void;
  try {
    running = options.handle(event, delivery);
  } catch (error) {
    return fail(error);
  }
  if (typeof running?.then !== "function") {
    if (!event.isSettled) event.ack();
    return undefined;
  }
  const giveBack = () => {
    if (!event.isSettled) give(delivery, { verdict: "again", delayMs: 0 });
  };
  const number = leaving.unsettled.add(giveBack);
  return Promise.resolve(running)
    .then(() => {
      if (!event.isSettled) event.ack();
    }, fail)
    .finally(() => leaving.unsettled.delete(number));
}

function verdictOf(decided: Decision, delivery: Delivery, options: EventHandling): Verdict {
  if (decided.kind === "ack") return { verdict: "ack" };
  if (decided.kind === "reject") return again(new Error("rejected by its handler"), delivery, options, decided.delayMs);
  return decided.deadLetter ? dead("dropped", new Error(decided.reason), options) : { verdict: "drop" };
}

function verdictAfter(error: unknown, delivery: Delivery, options: EventHandling): Verdict {
  return isNonRetryable(error) ? dead("not-retryable", error, options) : again(error, delivery, options);
}

function again(error: unknown, { attempt }: Delivery, options: EventHandling, delayMs?: number): Verdict {
  const delay = delayAfter(attempt, options.retry, options.random());
  return delay === undefined ? dead("attempts", error, options) : { verdict: "again", delayMs: delayMs ?? delay };
}

function dead(reason: DeathReason, error: unknown, { handlerName }: EventHandling): Verdict {
  return { verdict: "dead", reason, failure: failureOf(error, { withStack: true }), handler: handlerName };
}

/** An event that no attempt can help. */
class Unreadable extends Error {
  readonly reason: DeathReason;
  constructor(reason: DeathReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** @throws {Unreadable} */
function read({ body }: Delivery, { claims, checks }: EventHandling): EventPayload | Promise<EventPayload> {
  const whole = claims.fetchText(body.toString());
  if (whole instanceof Promise || checks.content !== undefined || checks.context !== undefined)
    return readSlowly(whole, checks);
  return parse(whole);
}

async function readSlowly(body: string | Promise<string>, checks: EventHandling["checks"]): Promise<EventPayload> {
  const whole = await Promise.resolve(body).catch((error: unknown) => {
    throw error instanceof ZcontextError ? new Unreadable("claim", error.message) : error;
  });
  const payload = parse(whole);
  for (const field of ["content", "context"] as const) {
    const problem = await checks[field]?.(payload[field]);
    if (problem !== undefined) throw new Unreadable("schema", `${field}: ${problem}`);
  }
  return payload;
}

function parse(body: string): EventPayload {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new Unreadable("malformed", reasonOf(error));
  }
  if (!isObject(value)) throw new Unreadable("malformed", "the body of an event is a JSON object");
  const { event_name, content = null, context = null, meta } = value;
  if (typeof event_name !== "string" || !isObject(meta))
    throw new Unreadable("malformed", "an event has event_name, content, context and meta");
  const { version, timestamp, session_id } = meta;
  return {
    event_name,
    content: content as Json,
    context: context as Json,
    meta: { version: Number(version), timestamp: Number(timestamp), session_id: String(session_id) },
  };
}
