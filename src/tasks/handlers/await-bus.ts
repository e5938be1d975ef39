// A task whose handlers need the bus waits for it, and says so: it has not started before its subscriptions are in force.
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../../errors.ts";
import type { EventBus } from "../../messaging/index.ts";

/** How often the log says that the bus is waited for, in milliseconds. */
const REPORT_MS = 10_000;
/** Between two attempts, in milliseconds. */
const RETRY_MS = 500;

export interface Waiting {
  /** Ends the waiting, which then rejects. */
  signal: AbortSignal;
  warn(line: string): void;
  reportMs?: number;
  retryMs?: number;
}

/**
 * Opens the bus, however long its engine can't be reached.
 *
 * @throws Whatever else `open` rejects with, or the reason of the signal.
 */
export async function awaitBus(
  open: () => Promise<EventBus>,
  { signal, warn, reportMs = REPORT_MS, retryMs = RETRY_MS }: Waiting,
): Promise<EventBus> {
  let reason = "no answer yet";
  const reports = setInterval(() => warn(`waiting for the messages of other services: ${reason}`), reportMs);
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  try {
    while (true) {
      signal.throwIfAborted();
      try {
        return await Promise.race([open(), aborted]);
      } catch (error) {
        if (!(error instanceof ZcontextError) || error.code !== "ERR_ENGINE_UNREACHABLE") throw error;
        reason = reasonOf(error);
        await pause(retryMs, undefined, { signal });
      }
    }
  } finally {
    clearInterval(reports);
  }
}
