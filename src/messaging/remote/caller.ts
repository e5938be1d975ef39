// The calls that this member makes over a server: each goes to the instance that has the fewest of them, and to another one
// only where it can't have arrived or may be repeated.
import { ZcontextError } from "../../errors.ts";
import type { Answer, CallSignal, OutgoingCall } from "../contract/engine.ts";
import { type Executed, type Failure, givenUp } from "../contract/service-error.ts";
import { type CallHead, writeHead } from "./heads.ts";
import type { Instance, Lookup } from "./lookup.ts";
import { createLookups } from "./lookups.ts";
import { createOpenCalls, type Open } from "./open-calls.ts";
import type { Post } from "./post.ts";
import { subjects } from "./subjects.ts";

export interface Caller {
  /** Never rejects. */
  call(call: OutgoingCall, signal: CallSignal): Promise<Answer>;
  /** @param body - Of an answer. */
  hear(head: CallHead, body: Buffer): void;
  /** The server can be reached, for the first time or again. */
  up(): void;
  down(reason: string): void;
  /** How many calls wait for an instance, and how many have one. */
  underWay(): { waiting: number; running: number };
  close(): Promise<void>;
}

/** Calls that are under way at a time. */
const MAX_OPEN = 10_000;
/** How long a call waits for the server to come back, in milliseconds. */
const AWAY_MS = 30_000;
/** How often the instances that have calls are looked for, in milliseconds: half of the time after which a loss is known. */
const LOOK_MS = 400;
const NOTHING: Buffer = Buffer.alloc(0);

export function createCaller(post: Post, address: string, nowMs: () => number): Caller {
  const lookups = createLookups(
    { post, address, nowMs },
    { onInstance: (service) => open.waitingFor(service).forEach(place), onNobody: refuseAll },
  );
  const open = createOpenCalls();
  let last = 0;
  let trouble: string | undefined = "not connected yet";
  const looking = setInterval(look, LOOK_MS).unref();

  function refuseAll(service: string, reason: string): void {
    for (const one of open.waitingFor(service))
      end(one, { failure: failure(one, "ERR_SERVICE_UNKNOWN", reason, "no") });
    lookups.drop(service);
  }

  /** Sends it to an instance, or lets it wait for one. */
  function place(one: Open): void {
    if (trouble !== undefined) return;
    const { service, method, envelope, body, isIdempotent } = one.call;
    const lookup = lookups.of(service);
    const chosen = leastBusy(lookup.instances, method);
    if (chosen === "no method")
      return end(one, { failure: failure(one, "ERR_METHOD_UNKNOWN", noMethod(lookup), "no") });
    if (chosen === undefined) return lookup.ask();
    const [to, instance] = chosen;
    instance.busy += 1;
    one.instance = to;
    const budgetMs = Math.max(0, one.deadlineMs - nowMs());
    const head = writeHead({ t: "call", n: one.n, from: address, envelope, budgetMs, method, isIdempotent });
    post.send(subjects.call(service, method, to), { head, body }, () => onUndelivered(one, to));
  }

  /** It has not arrived: another instance may have it, whatever it does. */
  function onUndelivered(one: Open, to: string): void {
    lookups.find(one.call.service)?.lose(to);
    if (open.get(one.n) !== one || one.instance !== to) return;
    one.instance = undefined;
    placeSafely(one);
  }

  function placeSafely(one: Open): void {
    try {
      place(one);
    } catch (error) {
      end(one, { failure: failureOfEngine(one, error) });
    }
  }

  function end(one: Open, answer: Answer): void {
    if (!open.remove(one)) return;
    const instance =
      one.instance === undefined ? undefined : lookups.find(one.call.service)?.instances.get(one.instance);
    if (instance !== undefined) instance.busy -= 1;
    one.answer(answer);
  }

  /** The instance has ended with all that it had. */
  function lose(lost: string): void {
    lookups.lose(lost);
    for (const one of open.all()) {
      if (one.instance !== lost) continue;
      if (one.call.isIdempotent) {
        one.instance = undefined;
        placeSafely(one);
      } else {
        const reason = "the instance that had the call has ended";
        end(one, { failure: failure(one, "ERR_SERVICE_LOST", reason, "unknown") });
      }
    }
  }

  /** Looks whether instances that have calls are there, and asks again for those that calls wait for. */
  function look(): void {
    const instances = new Set<string>();
    for (const one of open.all()) {
      if (one.instance !== undefined) instances.add(one.instance);
      else if (trouble === undefined) placeSafely(one);
      else if (nowMs() - one.sinceMs > AWAY_MS) end(one, { failure: unreachable(one, trouble, "no") });
    }
    if (trouble !== undefined) return;
    const ping = { head: writeHead({ t: "ping" }), body: NOTHING };
    for (const to of instances) post.send(subjects.member(to), ping, () => lose(to));
  }

  return {
    call(call, signal) {
      if (open.size >= MAX_OPEN) return Promise.resolve({ failure: overloaded(call, open.size) });
      last += 1;
      const n = last;
      const sinceMs = nowMs();
      return new Promise((answer) => {
        const giveUp = () => {
          const to = one.instance;
          if (to !== undefined && trouble === undefined)
            post.send(subjects.member(to), { head: writeHead({ t: "abort", n, from: address }), body: NOTHING });
          end(one, {
            failure: givenUp(`${call.service}.${call.method}`, signal.reason, to === undefined ? "no" : "unknown"),
          });
        };
        const one: Open = {
          n,
          call,
          sinceMs,
          deadlineMs: sinceMs + call.budgetMs,
          instance: undefined,
          answer(given) {
            signal.removeEventListener("abort", giveUp);
            answer(given);
          },
        };
        open.add(one);
        if (signal.aborted) return giveUp();
        signal.addEventListener("abort", giveUp);
        placeSafely(one);
      });
    },
    hear(head, body) {
      if (head.t === "here") lookups.find(head.service)?.hear(head);
      else if (head.t === "state") lookups.find(head.service)?.hear(head);
      else if (head.t === "answer") {
        const one = open.get(head.n);
        if (one !== undefined) end(one, head.failure === undefined ? { result: body } : { failure: head.failure });
      }
    },
    up() {
      trouble = undefined;
      for (const one of open.all()) placeSafely(one);
    },
    down(reason) {
      trouble = reason;
      lookups.forget();
      for (const one of open.all()) {
        if (one.instance === undefined) continue;
        one.instance = undefined;
        if (!one.call.isIdempotent) end(one, { failure: unreachable(one, reason, "unknown") });
      }
    },
    underWay: open.counts,
    async close() {
      clearInterval(looking);
      for (const one of open.all()) {
        const executed = one.instance === undefined ? "no" : "unknown";
        end(one, { failure: unreachable(one, "it is closed", executed) });
      }
      await lookups.close();
    },
  };
}

/** Of the instances that have the method. Undefined where there is no instance. */
function leastBusy(
  instances: ReadonlyMap<string, Instance>,
  method: string,
): [string, Instance] | "no method" | undefined {
  let best: [string, Instance] | undefined;
  for (const [address, instance] of instances)
    if (instance.methods.has(method) && instance.busy < (best?.[1].busy ?? Number.POSITIVE_INFINITY))
      best = [address, instance];
  return best ?? (instances.size > 0 ? "no method" : undefined);
}

function noMethod({ instances }: Lookup): string {
  const known = [...instances.values()].flatMap(({ methods }) => [...methods]);
  return `the service has no such method; it has ${[...new Set(known)].join(", ") || "none"}`;
}

function failure({ call: { service, method } }: Pick<Open, "call">, code: string, reason: string, executed: Executed) {
  const message = `${service}.${method}: ${reason}`;
  return { code, message, retryable: executed === "no", executed } satisfies Failure;
}

function unreachable(one: Open, reason: string, executed: Executed): Failure {
  return { ...failure(one, "ERR_ENGINE_UNREACHABLE", reason, executed), retryable: true };
}

function overloaded(call: OutgoingCall, count: number): Failure {
  return failure({ call }, "ERR_OVERLOADED", `${count} calls are under way`, "no");
}

function failureOfEngine(one: Open, error: unknown): Failure {
  if (!(error instanceof ZcontextError)) return unreachable(one, String(error), "unknown");
  return failure(one, error.code, error.message, error.code === "ERR_ENGINE_UNREACHABLE" ? "unknown" : "no");
}
