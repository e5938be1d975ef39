// What each signal means to a provider: to leave in order, to end every task at once, to read its file again, or nothing.
// They are handled from its first moment on: the first process of a container has no default handlers, so a signal that it
// does not handle is lost; elsewhere one that is not handled would end the provider, and its tasks with it, or open a
// debugger.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../../src/deferred.ts";
import { surviveStraySignals } from "../../src/stray-signals.ts";
import { isTerminalGone, startedOnTerminal } from "../terminal.ts";
import { meaningOfHangup } from "./hangup.ts";
import { createLeaveRequests, type Meaning } from "./leave-requests.ts";

/** A signal that has arrived. `reload`: the provider is to read its file again. `ignore`: it asks for nothing. */
export interface Arrival {
  signal: NodeJS.Signals;
  meaning: Meaning | "reload" | "ignore";
}

export interface Signals {
  /** Whether one has asked to leave. */
  readonly haveAsked: boolean;
  /** Resolves when one asks to leave. */
  readonly asked: Promise<void>;
  /** Calls for each signal, including those that have arrived already. */
  onEach(call: (arrival: Arrival) => void): void;
}

// SIGQUIT is Ctrl-\; some containers are stopped with it, and others with SIGPWR.
const LEAVE_SIGNALS = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGPWR"] as const;
/**
 * How long the same request may take to arrive again, in milliseconds. The terminal sends Ctrl-C to all its processes, and
 * npm, npx, pnpm or nodemon pass on what they have received; so do a service manager and `timeout`.
 */
const MOMENT_MS = 1_000;
/** A shell passes on the hangup of its terminal, and lets go of the terminal when it ends itself; in milliseconds. */
const SHELL_END_MS = 1_000;

export function handleSignals(): Signals {
  const arrived: Arrival[] = [];
  const calls: ((arrival: Arrival) => void)[] = [];
  const { promise: asked, resolve } = deferred();
  const requests = createLeaveRequests(afterMoment);
  const haveAsked = () => arrived.some(({ meaning }) => meaning !== "ignore" && meaning !== "reload");

  function arrive(arrival: Arrival): void {
    arrived.push(arrival);
    for (const call of calls) call(arrival);
    if (arrival.meaning === "leave") resolve();
  }

  async function hearHangup(): Promise<void> {
    const look = (isSecond: boolean) =>
      meaningOfHangup({ startedOnTerminal, isTerminalGone: isTerminalGone(), isSecond });
    let meaning = look(false);
    if (meaning === "look again") {
      await pause(SHELL_END_MS, undefined, { ref: false });
      meaning = look(true);
    }
    if (meaning === "reload") arrive({ signal: "SIGHUP", meaning });
    // Nobody is left to see that it leaves, so this is no first request that a second one could follow.
    else if (!haveAsked()) arrive({ signal: "SIGHUP", meaning: "leave" });
  }

  for (const signal of LEAVE_SIGNALS) process.on(signal, () => arrive({ signal, meaning: requests.read() }));
  // The limit of its CPU time: SIGKILL follows at the hard limit, and until then the signal comes each second.
  process.on("SIGXCPU", () => arrive({ signal: "SIGXCPU", meaning: haveAsked() ? "again" : "leave" }));
  surviveStraySignals((signal) => {
    if (signal === "SIGHUP") void hearHangup();
    else arrive({ signal, meaning: "ignore" });
  });

  return {
    get haveAsked() {
      return haveAsked();
    },
    asked,
    onEach(call) {
      arrived.forEach(call);
      calls.push(call);
    },
  };
}

// Signals are heard between timers and immediates: one that arrived while the event loop was blocked still counts as early.
function afterMoment(call: () => void): void {
  setTimeout(() => setImmediate(call), MOMENT_MS).unref();
}
