// Signals that nobody has asked for: without a handler each of them ends the process, and SIGUSR1 opens Node's debugger.
// They come by habit, to reload or to open log files anew, or by mistake.
import { readFileSync } from "node:fs";
import { constants } from "node:os";

// SIGPIPE and SIGXFSZ are ignored by Node itself. SIGSEGV and its like come from a fault, and have to end the process.
const STRAY_SIGNALS = [
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGSTKFLT",
] as const;

/**
 * Keeps these signals from ending this process, or opening a debugger in it. A handler of the same signal that comes later
 * does what it did before.
 *
 * @param onStray - Called for a signal that has no other handler.
 */
export function surviveStraySignals(onStray: (signal: NodeJS.Signals) => void = () => {}): void {
  for (const signal of STRAY_SIGNALS) {
    if (signal === "SIGPROF" && isProfiled()) continue;
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) onStray(signal);
    });
  }
}

/** Whether V8's profiler, which lives on SIGPROF, may have a handler already. */
function isProfiled(): boolean {
  try {
    const [, mask = ""] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    return ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGPROF - 1)) & 1n) === 1n;
  } catch {
    return true; // no /proc to ask
  }
}
