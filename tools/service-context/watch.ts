// What `--watch` adds: looks each second whether the context file or the code of a task has changed, and has the provider
// take that over. Contents decide, and what is still being written is waited for. What changes while a change is taken over
// is found by the next look, whether or not it was taken over with it.
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Provider } from "../../src/context/provider/provider.ts";
import { reasonOf } from "../../src/errors.ts";

const LOOK_MS = 1_000;

/** What became of a change: all of it was taken over, not all of it can be, or the same try may do better later. */
export type Taken = "whole" | "as far as it can be" | "refused";

export interface WatchOptions {
  file: string;
  provider: Pick<Provider, "plan" | "untilWorthAnotherTry">;
  /** Takes over what has changed; what was wrong has been told. */
  apply(): Promise<Taken>;
  /** Ends the watch. */
  signal: AbortSignal;
}

/** Resolves when it is ended. */
export async function watchChanges({ file, provider, apply, signal }: WatchOptions): Promise<void> {
  const changes = createChanges(await look(file, provider));
  while (!signal.aborted) {
    await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    const now = await look(file, provider);
    if (!changes.areDue(now)) continue;
    const taken = await apply();
    changes.handled(now, taken);
    if (taken === "refused") void provider.untilWorthAnotherTry(signal).then(changes.reconsider, () => {}); // ended
  }
}

/** What is seen at a time. */
export interface Look {
  /** Of the context file, or why it can't be read. */
  text: string;
  /** What would be done with the tasks, or why that can't be said; empty for nothing. */
  todo: string;
}

/** Which of the things that are seen are to be taken over. Pure. */
export function createChanges(first: Look) {
  let seen = first;
  /** What was tried last, and what of it is left; undefined where the same may do better now. */
  let last: Look | undefined = first;

  return {
    /** Whether there is something new, which has stood still since the look before. */
    areDue(now: Look): boolean {
      const isSettled = now.text === seen.text && now.todo === seen.todo;
      seen = now;
      if (!isSettled) return false;
      const isNews = last === undefined || now.text !== last.text || (now.todo !== "" && now.todo !== last.todo);
      if (!isNews) last = now;
      return isNews;
    },
    handled(tried: Look, taken: Taken): void {
      last = taken === "whole" ? { ...tried, todo: "" } : tried;
    },
    /** What was refused is tried again as it is. */
    reconsider(): void {
      last = undefined;
    },
  };
}

async function look(file: string, provider: Pick<Provider, "plan">): Promise<Look> {
  const text = await readFile(file, "utf8").catch(reasonOf);
  const todo = await provider.plan().then(({ tasks }) => {
    const changed = tasks.filter(({ change }) => change !== "same");
    return changed.length > 0 ? JSON.stringify(changed) : "";
  }, reasonOf);
  return { text, todo };
}
