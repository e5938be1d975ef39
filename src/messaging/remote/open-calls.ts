// The calls of this member that have no answer yet. Pure.
import { createNumberMap } from "../../number-map.ts";
import type { Answer, OutgoingCall } from "../contract/engine.ts";

export interface Open {
  n: number;
  call: OutgoingCall;
  sinceMs: number;
  deadlineMs: number;
  /** The address of the instance that has it; undefined while it waits for one. */
  instance: string | undefined;
  answer(answer: Answer): void;
}

export interface OpenCalls {
  readonly size: number;
  add(one: Open): void;
  get(n: number): Open | undefined;
  /** @returns Whether it was open until now. */
  remove(one: Open): boolean;
  /** The oldest first. */
  all(): Open[];
  /** Those that wait for an instance of a service, the oldest first. */
  waitingFor(service: string): Open[];
  /** How many wait for an instance, and how many have one. */
  counts(): { waiting: number; running: number };
}

export function createOpenCalls(): OpenCalls {
  const open = createNumberMap<Open>();
  const all = () => open.values().sort((one, other) => one.n - other.n);

  return {
    get size() {
      return open.size;
    },
    add: (one) => open.set(one.n, one),
    get: open.get,
    remove: ({ n }) => open.delete(n) !== undefined,
    all,
    waitingFor: (service) => all().filter(({ instance, call }) => instance === undefined && call.service === service),
    counts() {
      const waiting = open.values().filter(({ instance }) => instance === undefined).length;
      return { waiting, running: open.size - waiting };
    },
  };
}
