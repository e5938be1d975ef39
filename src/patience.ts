// Tries something until it succeeds: what can't be done now may be possible later.
import { setTimeout as pause } from "node:timers/promises";
import { ZcontextError } from "./errors.ts";

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [200, 5_000];
/** What another try can't change. */
const FINAL = [
  ...["ERR_MESSAGE_TOO_LARGE", "ERR_USAGE", "ERR_PROTOCOL_UNKNOWN", "ERR_ENGINE_MISSING", "ERR_QUEUE_NAME"],
  ...["ERR_ENGINE_UNFIT", "ERR_EVENT_NAME"],
];

/**
 * @param signal - Ends the tries: what the last one has thrown is thrown then.
 * @param onWait - Called with what a try has thrown, before the next one.
 * @throws What no further try can change, at once.
 */
export async function patiently<T>(
  act: () => Promise<T>,
  { signal, onWait }: { signal: AbortSignal; onWait(error: unknown): void },
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await act();
    } catch (error) {
      if (signal.aborted || isFinal(error)) throw error;
      onWait(error);
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Whether no further try can change it. */
export function isFinal(error: unknown): boolean {
  return error instanceof ZcontextError && FINAL.includes(error.code);
}
