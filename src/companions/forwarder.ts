// The forwarder process, the one between publishers and subscribers, as its provider sees it: started and replaced on the
// same addresses, with the same tasks in its guard. What runs inside it is in forwarder-main.ts.
import { ZcontextError } from "../errors.ts";
import { missingIpv6 } from "../link/exposure.ts";
import { createLiveness, type Liveness } from "../liveness.ts";
import { COOKIE, type Cookie, FORWARDER_RUN, writeCookie } from "../processes/cookie.ts";
import type { ProcessIdentity } from "../processes/stat.ts";
import type { Endpoints } from "../protocol/endpoints.ts";
import { shortageHint } from "../shortage.ts";
import { type CompanionEvents, startCompanion } from "./companion.ts";
import { type ForwarderOrder, readReport, type StartFailure, writeLine } from "./forwarder-pipe.ts";
import type { Guard } from "./guard.ts";

/** The forwarder of one provider, kept alive until it is closed. */
export interface Forwarder extends AsyncDisposable {
  /** Where it is bound, with the ports that the system chose; a replacement is bound there as well. */
  readonly bound: Endpoints;
  /** Of the present process. */
  readonly pid: number;
  /** The guard in its process; a replacement is told of the same tasks. It needs the provider's cookie to act. */
  readonly guard: Pick<Guard, "add" | "remove">;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** Of the provider whose processes are guarded; without it nothing is. */
  cookie?: Pick<Cookie, "context" | "provider">;
  /** Times the forwarder's silence. */
  liveness?: Liveness;
}

/**
 * Starts the forwarder and resolves when it is bound and forwards messages. One that dies is replaced at once, on the
 * same addresses; peers reconnect by themselves. One that falls silent, as when it is halted, is killed and replaced.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE` or `ERR_FORWARDER_FAILED`.
 */
export async function startForwarder(
  binds: Endpoints,
  events: CompanionEvents = {},
  { cookie, liveness = createLiveness() }: ForwarderOptions = {},
): Promise<Forwarder> {
  const guarded = new Map<number, ProcessIdentity>();
  const companion = await startCompanion<Endpoints>(
    {
      program: (bound = binds) => ({
        entry: "#forwarder",
        words: [bound.publish, bound.subscribe],
        environment: {
          // The proxy occupies one thread of libuv's pool as long as it runs.
          UV_THREADPOOL_SIZE: "8",
          ...(cookie && { [COOKIE]: writeCookie({ ...cookie, run: FORWARDER_RUN }) }),
        },
      }),
      readReady: readBound,
      greeting: () => [...guarded.values()].map((leader) => writeLine({ guard: leader })),
      // It sends what it still holds, and ends.
      farewell: writeLine({ leave: true }),
      failure: startError,
      liveness,
    },
    events,
  );
  const order = (order: ForwarderOrder) => companion.say(writeLine(order));

  return {
    bound: companion.ready,
    get pid() {
      return companion.pid;
    },
    guard: {
      add({ pid, startTicks }) {
        guarded.set(pid, { pid, startTicks });
        order({ guard: { pid, startTicks } });
      },
      remove(pid) {
        if (guarded.delete(pid)) order({ release: pid });
      },
    },
    close: companion.close,
    [Symbol.asyncDispose]: companion.close,
  };
}

/** The addresses in its first line. @throws Its reason where it could not be bound. */
function readBound(line: string): Endpoints {
  const report = readReport(line);
  if ("bound" in report) return report.bound;
  throw Object.assign(new Error(report.failed.message), report.failed);
}

function startError({ code, message, endpoint }: StartFailure): ZcontextError {
  const hint = shortageHint({ code });
  if (code === "EADDRINUSE") {
    return new ZcontextError("ERR_ENDPOINT_IN_USE", `${endpoint} is in use by another process`, {
      hint: "Stop the other provider, or change the ports in the context file; for a port written as * the system chooses one.",
    });
  }
  const reason = (endpoint && missingIpv6(endpoint, { code })) ?? message;
  return new ZcontextError(
    "ERR_FORWARDER_FAILED",
    `the forwarder could not start: ${reason}${endpoint ? ` (${endpoint})` : ""}`,
    hint === undefined ? {} : { hint },
  );
}
