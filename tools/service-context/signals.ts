// The signals that ask a provider to leave. They are heard from its first moment on, whoever acts on them: the first
// process of a container has no default to be ended by, and to it a signal that nobody hears is lost.
import { readFileSync } from "node:fs";
import { deferred } from "../../src/deferred.ts";

export interface Signals {
  readonly haveCome: boolean;
  /** Resolves at the first one. */
  readonly come: Promise<void>;
  /** Calls for each one, those that have come already included, with its number from 1 on. */
  follow(call: (signal: NodeJS.Signals, count: number) => void): void;
}

export function hearSignals(): Signals {
  const heard: NodeJS.Signals[] = [];
  const calls: ((signal: NodeJS.Signals, count: number) => void)[] = [];
  const { promise: come, resolve } = deferred();
  for (const signal of ["SIGINT", "SIGTERM", ...(isHangupIgnored() ? [] : ["SIGHUP" as const])] as const) {
    process.on(signal, () => {
      heard.push(signal);
      for (const call of calls) call(signal, heard.length);
      resolve();
    });
  }
  return {
    get haveCome() {
      return heard.length > 0;
    },
    come,
    follow(call) {
      for (const [index, signal] of heard.entries()) call(signal, index + 1);
      calls.push(call);
    },
  };
}

/** Whether whoever started us wants us to outlive the terminal, as nohup does; a handler would undo that. */
function isHangupIgnored(): boolean {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
  } catch {
    return false; // no /proc to ask
  }
}
