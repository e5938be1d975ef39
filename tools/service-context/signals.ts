// The signals that ask a provider to leave. They are handled from its first moment on: the first process of a container
// has no default handlers, so a signal that it does not handle is lost.
import { readFileSync } from "node:fs";
import { deferred } from "../../src/deferred.ts";

export interface Signals {
  readonly haveArrived: boolean;
  /** Resolves at the first one. */
  readonly first: Promise<void>;
  /** Calls for each signal, including those that have arrived already, with its number from 1 on. */
  onEach(call: (signal: NodeJS.Signals, count: number) => void): void;
}

export function handleSignals(): Signals {
  const arrived: NodeJS.Signals[] = [];
  const calls: ((signal: NodeJS.Signals, count: number) => void)[] = [];
  const { promise: first, resolve } = deferred();
  for (const signal of ["SIGINT", "SIGTERM", ...(isHangupIgnored() ? [] : ["SIGHUP" as const])] as const) {
    process.on(signal, () => {
      arrived.push(signal);
      for (const call of calls) call(signal, arrived.length);
      resolve();
    });
  }
  return {
    get haveArrived() {
      return arrived.length > 0;
    },
    first,
    onEach(call) {
      for (const [index, signal] of arrived.entries()) call(signal, index + 1);
      calls.push(call);
    },
  };
}

/** Whether this process was started to outlive its terminal, as by nohup; a handler of SIGHUP would undo that. */
function isHangupIgnored(): boolean {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
  } catch {
    return false; // no /proc to ask
  }
}
