// What a provider does about an exception that nothing has caught: it logs the first one and leaves in order if it can,
// for going on half broken is worse.
import { setTimeout as pause } from "node:timers/promises";
import { deferred } from "../../src/deferred.ts";
import type { Log } from "../../src/log.ts";
import { EXIT } from "../print.ts";

export interface FatalErrors {
  readonly haveOccurred: boolean;
  /** Resolves at the first one. */
  readonly first: Promise<void>;
  /** Resolves with the exit code so long after the first one: an orderly end takes no longer. */
  endAfter(ms: number): Promise<number>;
}

export function catchFatalErrors(log: Log): FatalErrors {
  const { promise: first, resolve } = deferred();
  let haveOccurred = false;
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      // Only the first one says what is wrong; there may be no end of others that follow from it.
      if (!haveOccurred)
        log.error({ reason: error instanceof Error ? error.stack : String(error) }, "internal error, leaving");
      haveOccurred = true;
      resolve();
    });
  }
  return {
    get haveOccurred() {
      return haveOccurred;
    },
    first,
    async endAfter(ms) {
      await first;
      return pause(ms, EXIT.internal);
    },
  };
}
