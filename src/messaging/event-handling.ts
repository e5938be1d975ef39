// What becomes of a delivery: its body is fetched and checked, the handler runs, and its return or throw becomes a verdict.
import { reasonOf, ZcontextError } from "../errors.ts";
import { isObject, type Json } from "../protocol/json.ts";
import type { ClaimCheck } from "./claim-check.ts";
import type { DeathReason, Delivery, Verdict } from "./contract/engine.ts";
import { failureOf, isNonRetryable } from "./contract/service-error.ts";
import { createReceivedEvent, type Decision, type EventPayload, type ReceivedEvent } from "./received-event.ts";
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

/** Handles one delivery and settles it. Never rejects. */
export async function handleDelivery(delivery: Delivery, options: EventHandling): Promise<void> {
  const { retry, handlerName, leaving } = options;
  const dead = (reason: DeathReason, error: unknown): Verdict => ({
    ...{ verdict: "dead", reason, failure: failureOf(error, { withStack: true }), handler: handlerName },
  });

  const { envelope, attempt } = delivery;
  if (envelope.ttl_ms !== undefined && envelope.sent + envelope.ttl_ms < options.nowMs())
    return delivery.settle(dead("expired", new Error(`it was of use for ${envelope.ttl_ms} ms`)));
  if (attempt > retry.attempts)
    return delivery.settle(dead("attempts", new Error(`the member that had attempt ${attempt - 1} has died`)));

  let payload: EventPayload;
  try {
    payload = await read(delivery, options);
  } catch (error) {
    return delivery.settle(dead(error instanceof Unreadable ? error.reason : "malformed", error));
  }

  let decision: Decision | undefined;
  let signal: AbortSignal | undefined;
  const event = createReceivedEvent(
    {
      ...{ id: envelope.id, name: delivery.name, group: delivery.group, attempt, headers: envelope.headers ?? {} },
      ...{ content: payload.content, context: payload.context, meta: payload.meta },
      get signal() {
        signal ??= AbortSignal.any([delivery.taken, leaving.signal]);
        return signal;
      },
    },
    (decided) => {
      decision = decided;
      if (decided.kind !== "reject") delivery.settle(verdictOf(decided));
      else delivery.settle(again(decided.delayMs, new Error("rejected by its handler")));
    },
  );
  const giveBack = () => {
    if (decision === undefined) delivery.settle({ verdict: "again", delayMs: 0 });
  };
  leaving.unsettled.add(giveBack);
  try {
    await options.handle(event, delivery);
    if (!event.isSettled) event.ack();
  } catch (error) {
    options.onFailure(error, delivery);
    if (decision !== undefined) return;
    delivery.settle(isNonRetryable(error) ? dead("not-retryable", error) : again(undefined, error));
  } finally {
    leaving.unsettled.delete(giveBack);
  }

  function again(delayMs: number | undefined, error: unknown): Verdict {
    const delay = delayAfter(attempt, retry, options.random());
    return delay === undefined ? dead("attempts", error) : { verdict: "again", delayMs: delayMs ?? delay };
  }

  function verdictOf(decided: Exclude<Decision, { kind: "reject" }>): Verdict {
    if (decided.kind === "ack") return { verdict: "ack" };
    return decided.deadLetter ? dead("dropped", new Error(decided.reason)) : { verdict: "drop" };
  }
}

/** An event that no attempt can help. */
class Unreadable extends Error {
  readonly reason: DeathReason;
  constructor(reason: DeathReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

async function read({ body }: Delivery, { claims, checks }: EventHandling): Promise<EventPayload> {
  const whole = await claims.fetch(body).catch((error: unknown) => {
    throw error instanceof ZcontextError ? new Unreadable("claim", error.message) : error;
  });
  const payload = parse(whole);
  for (const [field, check] of Object.entries(checks)) {
    const problem = await check?.(payload[field as "content" | "context"]);
    if (problem !== undefined) throw new Unreadable("schema", `${field}: ${problem}`);
  }
  return payload;
}

function parse(body: Buffer): EventPayload {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
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
