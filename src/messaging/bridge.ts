// Passes events and calls of one engine on to another, so that the services of both talk as if they were at one. An event is
// acknowledged once the other engine has stored it, and keeps its id, session, trace and headers. A header says which engines it
// has passed: it never comes to one of them again, so that there may be a bridge in the other direction.
import { ZcontextError } from "../errors.ts";
import { isFinal, patiently } from "../patience.ts";
import { type ClaimCheck, EVENT_CLAIM_MS, SHORT_CLAIM_MS } from "./claims/claim-check.ts";
import type { Answer, DeathReason, Delivery, Engine, IncomingCall, Subscription } from "./contract/engine.ts";
import type { Envelope } from "./contract/envelope.ts";
import { type Failure, failureOf } from "./contract/service-error.ts";
import { isName, parseEventName, parseMethodName } from "./names.ts";

export interface BridgeOptions {
  /** Names of events that are emitted here, and passed on. */
  events?: readonly string[];
  /** As `service.method`: methods that are served there, and called here. */
  methods?: readonly string[];
  /** The two engines, in words that all bridges use for them, such as their URLs. */
  places: { from: string; to: string };
  /** Who takes the events here. Each destination has a group of its own. Default `bridge`. */
  group?: string;
  /** Called with what keeps an event waiting. Default: nothing. */
  onWait?(event: string, error: unknown): void;
  /** Called with each event that was passed on. Default: nothing. */
  onPassed?(event: string): void;
}

export interface BridgeEnd {
  engine: Engine;
  claims: ClaimCheck;
}

/** The engines that a message has passed, with spaces between. */
export const PASSED_HEADER = "zc-passed";

const GROUP = "bridge";
const PREFETCH = 64;

/**
 * Resolves when events and calls pass. Closing it gives back the events that wait, and resolves when nothing is under way.
 *
 * @param leaving - Aborted when what is under way is waited for no longer.
 * @throws {ZcontextError} `ERR_EVENT_NAME`, `ERR_METHOD_UNKNOWN`; `ERR_USAGE` where both ends are the same engine.
 */
export async function openBridge(
  from: BridgeEnd,
  to: BridgeEnd,
  options: BridgeOptions & { leaving: AbortSignal },
): Promise<Subscription> {
  const { events = [], methods = [], places, group = GROUP, leaving } = options;
  if (places.from === places.to)
    throw new ZcontextError("ERR_USAGE", `${places.from}: a bridge is between two engines, and both ends are this one`);
  if (!isName(group)) throw new ZcontextError("ERR_EVENT_NAME", `group ${JSON.stringify(group)}: expected one word`);
  for (const name of events) parseEventName(name);
  const services = byService(methods);
  const closing = new AbortController();
  const passage = { ...options, group, from, to, leaving, closing: AbortSignal.any([closing.signal, leaving]) };
  const underWay = new Set<Promise<unknown>>();
  function follow<T>(work: Promise<T>): Promise<T> {
    underWay.add(work);
    work.finally(() => underWay.delete(work));
    return work;
  }
  const opened = await Promise.allSettled([
    ...events.map((name) =>
      from.engine.listen({ name, group, prefetch: PREFETCH }, (delivery) => void follow(passEvent(delivery, passage))),
    ),
    ...[...services].map(([service, names]) =>
      from.engine.serve(service, names, (call) => follow(passCall(call, passage))),
    ),
  ]);
  const close = async () => {
    closing.abort();
    await Promise.all(opened.map((one) => (one.status === "fulfilled" ? one.value.close() : undefined)));
    await Promise.all(underWay);
  };
  const failed = opened.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { close, [Symbol.asyncDispose]: close };
}

interface Passage extends BridgeOptions {
  from: BridgeEnd;
  to: BridgeEnd;
  group: string;
  leaving: AbortSignal;
  /** Aborted when events that wait are given back. */
  closing: AbortSignal;
}

function byService(methods: readonly string[]): Map<string, string[]> {
  const services = new Map<string, string[]>();
  for (const name of methods) {
    const { service, method } = parseMethodName(name);
    services.set(service, [...(services.get(service) ?? []), method]);
  }
  return services;
}

/** The engines that a message has passed; undefined where it comes from the one that it would go to. */
function passing({ headers = {} }: Envelope, { from, to }: BridgeOptions["places"]): string | undefined {
  const passed = (headers[PASSED_HEADER] ?? "").split(" ").filter((place) => place !== "");
  const [here, there] = [from, to].map(encodeURI) as [string, string];
  return passed.includes(there) ? undefined : [...new Set([...passed, here])].join(" ");
}

function marked(envelope: Envelope, passed: string): Envelope {
  return { ...envelope, headers: { ...envelope.headers, [PASSED_HEADER]: passed } };
}

// --- events ------------------------------------------------------------------------------------------------------------

/** Never rejects. */
async function passEvent(delivery: Delivery, passage: Passage): Promise<void> {
  const { from, to, places, group, closing, onWait, onPassed } = passage;
  const { name, envelope } = delivery;
  const passed = passing(envelope, places);
  if (passed === undefined) return delivery.settle({ verdict: "ack" });
  const signal = AbortSignal.any([delivery.taken, closing]);
  try {
    const whole = await fetched(delivery, from);
    await patiently(
      async () => {
        const body = await to.claims.checkIn(Buffer.from(whole), EVENT_CLAIM_MS);
        return to.engine.emit({ name, envelope: marked(envelope, passed), body }, { requireRoute: false });
      },
      { signal, onWait: (error) => onWait?.(name, error) },
    );
    delivery.settle({ verdict: "ack" });
    onPassed?.(name);
  } catch (error) {
    if (delivery.isTaken) return;
    const reason = reasonOf(error);
    if (reason === undefined) return delivery.settle({ verdict: "again", delayMs: 0 });
    const failure = failureOf(error, { withStack: false });
    delivery.settle({ verdict: "dead", reason, failure, handler: `${group} to ${places.to}` });
  }
}

function fetched({ body }: Pick<Delivery, "body">, { claims }: BridgeEnd): string | Promise<string> {
  return claims.fetchText(body.toString());
}

/** Why an event can't be passed on, whatever happens; undefined where it may be later. */
function reasonOf(error: unknown): DeathReason | undefined {
  if (error instanceof ZcontextError && error.code === "ERR_CLAIM_EXPIRED") return "claim";
  if (error instanceof SyntaxError) return "malformed";
  return isFinal(error) ? "not-retryable" : undefined;
}

// --- calls -------------------------------------------------------------------------------------------------------------

/** Never rejects. */
async function passCall(call: IncomingCall, { from, to, places, leaving }: Passage): Promise<Answer> {
  const { service, method, envelope, budgetMs } = call;
  const passed = passing(envelope, places);
  if (passed === undefined)
    return { failure: unsent("ERR_SERVICE_UNKNOWN", `${service}.${method} is bridged in a circle`) };
  let body: Buffer;
  try {
    body = await to.claims.checkIn(Buffer.from(await fetched(call, from)), SHORT_CLAIM_MS);
  } catch (error) {
    return { failure: { ...failureOf(error, { withStack: false }), executed: "no" } };
  }
  const signal = AbortSignal.any([call.signal, leaving, AbortSignal.timeout(Math.max(0, Math.ceil(budgetMs)))]);
  try {
    // Once: a caller here that has its call sent again has it come as another one.
    const sent = { service, method, envelope: marked(envelope, passed), body, budgetMs, isIdempotent: false };
    const answer = await to.engine.call(sent, signal);
    if (answer.failure !== undefined) return answer;
    const result = Buffer.from(await fetched({ body: answer.result }, to));
    return { result: await from.claims.checkIn(result, SHORT_CLAIM_MS) };
  } catch (error) {
    return { failure: { ...failureOf(error, { withStack: false }), executed: "unknown" } };
  }
}

function unsent(code: string, message: string): Failure {
  return { code, message, retryable: false, executed: "no" };
}
