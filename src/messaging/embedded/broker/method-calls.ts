// The calls of the broker: which instance of a service gets a call, and what the caller hears when that instance is lost.
// Decides alone. Time is an argument. Pure.
import type { Durations, MethodTotals, ServiceState } from "../../../protocol/bus-figures.ts";
import type { ServedService } from "../../contract/engine.ts";
import type { Executed, Failure } from "../../contract/service-error.ts";
import { addDuration, type Counted, createCounted, createDurations } from "../counts.ts";
import { createInstances, type Instance } from "./instances.ts";
import { createOpenCalls, type Open } from "./open-calls.ts";

/** What calls do to the world. */
export interface CallOutlet {
  /** @param budgetMs - What is left of the time of the call. */
  request(callee: string, c: number, call: Call, budgetMs: number): void;
  abort(callee: string, c: number): void;
  result(caller: string, n: number, body: Buffer): void;
  failure(caller: string, n: number, failure: Failure): void;
}

/** A call as its caller sends it. */
export interface Call {
  caller: string;
  n: number;
  service: string;
  method: string;
  /** `service.method`. */
  name: string;
  /** How many bytes of the body are the envelope. */
  head: number;
  budgetMs: number;
  /** It may be sent to another instance when the one that has it is lost. */
  isIdempotent: boolean;
  body: Buffer;
}

/** What a callee says. */
export type Said = { body: Buffer; failure?: never } | { failure: Failure; body?: never };

export interface MethodCalls {
  serve(member: string, service: string, methods: readonly string[], nowMs: number): void;
  unserve(member: string, service: string): void;
  call(call: Call, nowMs: number): void;
  cancel(caller: string, n: number, nowMs: number): void;
  answer(callee: string, c: number, said: Said, nowMs: number): void;
  /** What the provider says of a service. */
  setState(service: string, state: ServiceState, nowMs: number): void;
  lose(member: string, nowMs: number): void;
  /** Ends the calls whose time is over. */
  advance(nowMs: number): void;
  services(): ServedService[];
  figures(): { waiting: number; running: number };
  /** @param serviceOf - The service of a member. */
  totals(serviceOf: (member: string) => string): MethodTotals[];
}

/** What has become of the calls of a method. */
interface Outcomes {
  codes: Counted<{ calls: number }>;
  durations: Durations;
}

/** How many codes of a method are counted by themselves; a service may throw ever new ones. */
const MAX_CODES = 30;
/** The code of a call that has a result. */
const OK = "ok";

/** Calls that wait for a service that is starting, and calls that one instance has at a time. */
const MAX_OPEN = 10_000;

/** How long the provider may take to say what becomes of a service whose instance is lost, in milliseconds. */
const UNSAID_MS = 2_000;

/**
 * @param mayRefuse - Whether a service is unknown that is not known: not while members of a former broker are awaited, which
 *   may serve it, and not before the provider has told how services stand.
 */
export function createMethodCalls(outlet: CallOutlet, mayRefuse: () => boolean): MethodCalls {
  const instances = createInstances();
  const states = new Map<string, ServiceState>();
  const open = createOpenCalls();
  /** When each service last lost an instance. */
  const losses = new Map<string, number>();
  const outcomes = createCounted<Outcomes>(() => ({
    codes: createCounted(() => ({ calls: 0 }), MAX_CODES),
    durations: createDurations(),
  }));

  function end(one: Open, code: string, nowMs: number): void {
    open.end(one);
    const { codes, durations } = outcomes.of(one.call.name);
    codes.of(code).calls += 1;
    addDuration(durations, nowMs - one.sinceMs);
  }

  function fail(one: Open, code: string, message: string, { executed, nowMs }: { executed: Executed; nowMs: number }) {
    const { caller, n, name } = one.call;
    const retryable = executed === "no";
    end(one, code, nowMs);
    outlet.failure(caller, n, { code, message: `${name}: ${message}`, retryable, executed });
  }

  function send(one: Open, nowMs: number): void {
    const { call } = one;
    const instance = instances.leastBusy(call.service);
    if (instance === undefined) return waitOrRefuse(one, nowMs);
    const [code, reason] = refusalBy(instance, call.method);
    if (code !== undefined) return fail(one, code, reason, { executed: "no", nowMs });
    instance.busy += 1;
    one.instance = instance;
    outlet.request(instance.member, one.c, call, one.deadlineMs - nowMs);
  }

  /** A service that is starting is waited for, within the deadline. */
  function waitOrRefuse(one: Open, nowMs: number): void {
    const { service } = one.call;
    const state = states.get(service);
    if (state === "starting" || !mayRefuse()) return;
    if (state === "running" && nowMs - (losses.get(service) ?? Number.NEGATIVE_INFINITY) < UNSAID_MS) return;
    const why = state === "running" ? "the service runs, and serves no methods" : `no service ${service} is known`;
    fail(one, "ERR_SERVICE_UNKNOWN", why, { executed: "no", nowMs });
  }

  /** Refuses what waits in vain. */
  function review(nowMs: number): void {
    for (const one of open.waiting()) waitOrRefuse(one, nowMs);
  }

  /** Tells the instance that nobody waits for its answer any more. */
  function abort({ instance, c }: Open): void {
    if (instance !== undefined) outlet.abort(instance.member, c);
  }

  /** The instance that had it has ended. */
  function orphan(one: Open, nowMs: number): void {
    one.instance = undefined;
    if (one.call.isIdempotent) return send(one, nowMs);
    fail(one, "ERR_SERVICE_LOST", "the instance that had the call has ended", { executed: "unknown", nowMs });
  }

  return {
    serve(member, service, methods, nowMs) {
      instances.set(member, service, methods);
      for (const one of open.waiting()) if (one.call.service === service) send(one, nowMs);
    },
    unserve: instances.remove,
    call(call, nowMs) {
      const one = open.add(call, nowMs);
      if (open.size <= 2 * MAX_OPEN) return send(one, nowMs);
      fail(one, "ERR_OVERLOADED", `${open.size} calls are under way`, { executed: "no", nowMs });
    },
    cancel(caller, n, nowMs) {
      const one = open.ofCaller(caller, n);
      if (one === undefined) return;
      // The caller hears the same code whether its time was over or it was aborted.
      end(one, "ERR_CALL_TIMEOUT", nowMs);
      abort(one);
    },
    answer(callee, c, { body, failure }, nowMs) {
      const one = open.get(c);
      if (one?.instance?.member !== callee) return;
      const { caller, n } = one.call;
      end(one, failure?.code ?? OK, nowMs);
      if (failure === undefined) outlet.result(caller, n, body);
      else outlet.failure(caller, n, failure);
    },
    setState(service, state, nowMs) {
      states.set(service, state);
      if (state === "gone") states.delete(service);
      review(nowMs);
    },
    lose(member, nowMs) {
      for (const service of instances.lose(member)) losses.set(service, nowMs);
      for (const one of open.all()) {
        if (one.call.caller === member) {
          open.end(one);
          abort(one);
        } else if (one.instance?.member === member) orphan(one, nowMs);
      }
      open.forget(member);
    },
    advance(nowMs) {
      for (const one of open.all()) {
        if (one.deadlineMs > nowMs) continue;
        abort(one);
        const executed = one.instance === undefined ? "no" : "unknown";
        fail(one, "ERR_CALL_TIMEOUT", `no answer within ${one.call.budgetMs} ms`, { executed, nowMs });
      }
      review(nowMs);
    },
    services: instances.services,
    figures() {
      const waiting = open.waiting().length;
      return { waiting, running: open.size - waiting };
    },
    totals: (serviceOf) =>
      outcomes.all().map(([method, { codes, durations }]) => ({
        ...{ method, durations },
        codes: Object.fromEntries(codes.all().map(([code, { calls }]) => [code, calls])),
        services: [...new Set(instances.membersOf(method).map(serviceOf))],
      })),
  };
}

const NO_REFUSAL: [undefined, string] = [undefined, ""];

/** The code and the reason of an instance that can't take a call. */
function refusalBy({ methods, busy }: Instance, method: string): [code: string | undefined, reason: string] {
  if (!methods.has(method)) {
    const known = [...methods].join(", ");
    return ["ERR_METHOD_UNKNOWN", `the service has no such method; it has ${known || "none"}`];
  }
  return busy < MAX_OPEN ? NO_REFUSAL : ["ERR_OVERLOADED", `every instance has ${MAX_OPEN} calls under way`];
}
