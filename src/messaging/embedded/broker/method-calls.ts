// The calls of the broker: which instance of a service gets a call, and what the caller hears when that instance is lost.
// Decides alone. Time is an argument. Pure.
import type { Durations, MethodTotals, ServiceState } from "../../../protocol/bus-figures.ts";
import type { ServedService } from "../../contract/engine.ts";
import type { Executed, Failure } from "../../contract/service-error.ts";
import { addDuration, type Counted, createCounted, createDurations } from "../counts.ts";

/** What calls do to the world. */
export interface CallOutlet {
  request(callee: string, request: Request): void;
  abort(callee: string, c: number): void;
  result(caller: string, n: number, body: Buffer): void;
  failure(caller: string, n: number, failure: Failure): void;
}

export interface Request {
  c: number;
  service: string;
  method: string;
  /** How many bytes of the body are the envelope. */
  head: number;
  budgetMs: number;
  /** It may be sent to another instance when the one that has it is lost. */
  isIdempotent: boolean;
  body: Buffer;
}

/** A call as its caller sends it. */
export interface Call extends Omit<Request, "c"> {
  caller: string;
  n: number;
}

export interface MethodCalls {
  serve(member: string, service: string, methods: readonly string[], nowMs: number): void;
  unserve(member: string, service: string): void;
  call(call: Call, nowMs: number): void;
  cancel(caller: string, n: number, nowMs: number): void;
  answer(callee: string, c: number, answer: { body: Buffer } | { failure: Failure }, nowMs: number): void;
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

interface Open {
  call: Call;
  sinceMs: number;
  deadlineMs: number;
  /** Undefined while the call waits for an instance. */
  callee: string | undefined;
}

interface Instance {
  methods: ReadonlySet<string>;
  busy: number;
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

/** @param areAllBack - Whether no member of a former broker is awaited, which may serve what nobody serves now. */
export function createMethodCalls(outlet: CallOutlet, areAllBack: () => boolean): MethodCalls {
  const services = new Map<string, Map<string, Instance>>();
  const states = new Map<string, ServiceState>();
  const open = new Map<number, Open>();
  const byCaller = new Map<string, number>();
  /** When each service last lost an instance. */
  const losses = new Map<string, number>();
  const outcomes = createCounted<Outcomes>(() => ({
    codes: createCounted(() => ({ calls: 0 }), MAX_CODES),
    durations: createDurations(),
  }));
  let last = 0;

  function count({ call: { service, method }, sinceMs }: Open, code: string, nowMs: number): void {
    const { codes, durations } = outcomes.of(`${service}.${method}`);
    codes.of(code).calls += 1;
    addDuration(durations, nowMs - sinceMs);
  }

  function fail(one: Open, code: string, message: string, { executed, nowMs }: { executed: Executed; nowMs: number }) {
    const { caller, n, service, method } = one.call;
    const retryable = executed === "no";
    count(one, code, nowMs);
    outlet.failure(caller, n, { code, message: `${service}.${method}: ${message}`, retryable, executed });
  }

  function end(c: number): Open | undefined {
    const one = open.get(c);
    if (one === undefined) return undefined;
    open.delete(c);
    byCaller.delete(`${one.call.caller} ${one.call.n}`);
    const instance = one.callee === undefined ? undefined : services.get(one.call.service)?.get(one.callee);
    if (instance !== undefined) instance.busy -= 1;
    return one;
  }

  function send(c: number, one: Open, nowMs: number): void {
    const { service, method, head, isIdempotent, body } = one.call;
    const [callee, instance] = leastBusy(services.get(service));
    if (callee === undefined || instance === undefined) return waitOrRefuse(c, one, nowMs);
    if (!instance.methods.has(method)) {
      end(c);
      const known = [...instance.methods].join(", ");
      const message = `the service has no such method; it has ${known || "none"}`;
      return fail(one, "ERR_METHOD_UNKNOWN", message, { executed: "no", nowMs });
    }
    if (instance.busy >= MAX_OPEN) {
      end(c);
      const message = `every instance has ${MAX_OPEN} calls under way`;
      return fail(one, "ERR_OVERLOADED", message, { executed: "no", nowMs });
    }
    instance.busy += 1;
    one.callee = callee;
    outlet.request(callee, { c, service, method, head, budgetMs: one.deadlineMs - nowMs, isIdempotent, body });
  }

  /** A service that is starting is waited for, within the deadline. */
  function waitOrRefuse(c: number, one: Open, nowMs: number): void {
    const { service } = one.call;
    const state = states.get(service);
    if (state === "starting" || !areAllBack()) return;
    if (state === "running" && nowMs - (losses.get(service) ?? Number.NEGATIVE_INFINITY) < UNSAID_MS) return;
    end(c);
    const why = state === "running" ? "the service runs, and serves no methods" : `no service ${service} is known`;
    fail(one, "ERR_SERVICE_UNKNOWN", why, { executed: "no", nowMs });
  }

  /** Refuses what waits in vain. */
  function review(nowMs: number): void {
    for (const [c, one] of open) if (one.callee === undefined) waitOrRefuse(c, one, nowMs);
  }

  /** The members that serve a method. */
  function instancesOf(name: string): string[] {
    const dot = name.indexOf(".");
    const instances = [...(services.get(name.slice(0, dot)) ?? [])];
    return instances.filter(([, { methods }]) => methods.has(name.slice(dot + 1))).map(([member]) => member);
  }

  return {
    serve(member, service, methods, nowMs) {
      const instances = services.get(service) ?? new Map<string, Instance>();
      services.set(service, instances);
      const busy = instances.get(member)?.busy ?? 0;
      instances.set(member, { methods: new Set(methods), busy });
      for (const [c, one] of open) if (one.callee === undefined && one.call.service === service) send(c, one, nowMs);
    },
    unserve(member, service) {
      services.get(service)?.delete(member);
    },
    call(call, nowMs) {
      last += 1;
      const one: Open = { call, sinceMs: nowMs, deadlineMs: nowMs + call.budgetMs, callee: undefined };
      open.set(last, one);
      byCaller.set(`${call.caller} ${call.n}`, last);
      if (open.size > 2 * MAX_OPEN) {
        end(last);
        return fail(one, "ERR_OVERLOADED", `${open.size} calls are under way`, { executed: "no", nowMs });
      }
      send(last, one, nowMs);
    },
    cancel(caller, n, nowMs) {
      const c = byCaller.get(`${caller} ${n}`);
      const one = c === undefined ? undefined : end(c);
      // The caller hears the same code whether its time was over or it was aborted.
      if (one !== undefined) count(one, "ERR_CALL_TIMEOUT", nowMs);
      if (c !== undefined && one?.callee !== undefined) outlet.abort(one.callee, c);
    },
    answer(callee, c, answer, nowMs) {
      if (open.get(c)?.callee !== callee) return;
      const one = end(c);
      if (one === undefined) return;
      const { caller, n } = one.call;
      count(one, "body" in answer ? OK : answer.failure.code, nowMs);
      if ("body" in answer) outlet.result(caller, n, answer.body);
      else outlet.failure(caller, n, answer.failure);
    },
    setState(service, state, nowMs) {
      states.set(service, state);
      if (state === "gone") states.delete(service);
      review(nowMs);
    },
    lose(member, nowMs) {
      for (const [service, instances] of services) if (instances.delete(member)) losses.set(service, nowMs);
      for (const [c, one] of open) {
        if (one.call.caller === member) {
          end(c);
          if (one.callee !== undefined) outlet.abort(one.callee, c);
        } else if (one.callee === member) {
          one.callee = undefined;
          if (one.call.isIdempotent) send(c, one, nowMs);
          else {
            end(c);
            fail(one, "ERR_SERVICE_LOST", "the instance that had the call has ended", { executed: "unknown", nowMs });
          }
        }
      }
    },
    advance(nowMs) {
      for (const [c, one] of open) {
        if (one.deadlineMs > nowMs) continue;
        end(c);
        if (one.callee !== undefined) outlet.abort(one.callee, c);
        const executed = one.callee === undefined ? "no" : "unknown";
        fail(one, "ERR_CALL_TIMEOUT", `no answer within ${one.call.budgetMs} ms`, { executed, nowMs });
      }
      review(nowMs);
    },
    services: () =>
      [...services].flatMap(([service, instances]) => {
        const methods = new Set([...instances.values()].flatMap((instance) => [...instance.methods]));
        return instances.size === 0 ? [] : [{ service, methods: [...methods], instances: instances.size }];
      }),
    figures() {
      const waiting = [...open.values()].filter(({ callee }) => callee === undefined).length;
      return { waiting, running: open.size - waiting };
    },
    totals: (serviceOf) =>
      outcomes.all().map(([method, { codes, durations }]) => ({
        ...{ method, durations },
        codes: Object.fromEntries(codes.all().map(([code, { calls }]) => [code, calls])),
        services: [...new Set(instancesOf(method).map(serviceOf))],
      })),
  };
}

function leastBusy(instances: ReadonlyMap<string, Instance> = new Map()): [string, Instance] | [undefined, undefined] {
  let best: [string, Instance] | [undefined, undefined] = [undefined, undefined];
  for (const [member, instance] of instances)
    if (instance.busy < (best[1]?.busy ?? Infinity)) best = [member, instance];
  return best;
}
