// What `--watch` adds: looks each second whether the context file or the code of a task has changed, and has the provider
// take that over. Contents decide, and what is still being written is waited for.
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Provider } from "../../src/context/provider/provider.ts";
import { reasonOf } from "../../src/errors.ts";

const LOOK_MS = 1_000;

export interface WatchOptions {
  file: string;
  provider: Pick<Provider, "plan" | "untilWorthAnotherTry">;
  /** Answers whether it was taken over; what was wrong has been told. */
  apply(): Promise<boolean>;
  /** Ends the watch. */
  signal: AbortSignal;
}

/** Resolves when it is ended. */
export async function watchChanges({ file, provider, apply, signal }: WatchOptions): Promise<void> {
  /** What was seen when the file was taken over, or refused, last; undefined where another try may do better. */
  let handled: string | undefined = await look(file, provider);
  let seen = handled;
  while (!signal.aborted) {
    await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    const now = await look(file, provider);
    const isSettled = now === seen;
    seen = now;
    if (!isSettled || now === handled) continue;
    handled = now;
    if (await apply()) handled = await look(file, provider);
    else
      void provider.untilWorthAnotherTry(signal).then(
        () => {
          if (handled === now) handled = undefined;
        },
        () => {}, // ended
      );
  }
}

/** The file, and what would be done about it. */
async function look(file: string, provider: Pick<Provider, "plan">): Promise<string> {
  const text = await readFile(file, "utf8").catch(reasonOf);
  const plan = await provider.plan().then(({ tasks, context }) => JSON.stringify([tasks, context]), reasonOf);
  return `${plan}\n${text}`;
}
