// The calls that have no answer yet, by the broker's number and by that of their caller. Pure.
import { createNumberMap, type NumberMap } from "../../../number-map.ts";
import type { Instance } from "./instances.ts";
import type { Call } from "./method-calls.ts";

export interface Open {
  readonly c: number;
  readonly call: Call;
  readonly sinceMs: number;
  readonly deadlineMs: number;
  /** The instance that has it; undefined while it waits for one. */
  instance: Instance | undefined;
}

export interface OpenCalls {
  readonly size: number;
  add(call: Call, nowMs: number): Open;
  get(c: number): Open | undefined;
  ofCaller(caller: string, n: number): Open | undefined;
  /** It is over, and its instance has one less. */
  end(one: Open): void;
  /** In no order. */
  all(): Open[];
  /** Those that wait for an instance, the oldest first. */
  waiting(): Open[];
  /** The caller has ended, as all of its calls have. */
  forget(caller: string): void;
}

export function createOpenCalls(): OpenCalls {
  const open = createNumberMap<Open>();
  /** By the caller, and its number of the call: a key of both would cost more than all the rest. */
  const byCaller = new Map<string, NumberMap<Open>>();
  let last = 0;

  return {
    get size() {
      return open.size;
    },
    add(call, nowMs) {
      last += 1;
      const one: Open = { c: last, call, sinceMs: nowMs, deadlineMs: nowMs + call.budgetMs, instance: undefined };
      open.set(last, one);
      const numbers = byCaller.get(call.caller) ?? createNumberMap();
      if (numbers.size === 0) byCaller.set(call.caller, numbers);
      numbers.set(call.n, one);
      return one;
    },
    get: (c) => open.get(c),
    ofCaller: (caller, n) => byCaller.get(caller)?.get(n),
    end(one) {
      const { caller, n } = one.call;
      open.delete(one.c);
      const numbers = byCaller.get(caller);
      if (numbers?.get(n) === one) numbers.delete(n);
      if (one.instance !== undefined) one.instance.busy -= 1;
    },
    all: open.values,
    waiting: () =>
      open
        .values()
        .filter(({ instance }) => instance === undefined)
        .sort((one, other) => one.c - other.c),
    forget: (caller) => void byCaller.delete(caller),
  };
}
