// The stop of a task that has a command for it. The stop signal follows when the command fails, or when the task is still
// there after a while, whether the command has ended or not.
import { reasonOf } from "../../errors.ts";

export interface Stopping {
  /** The run is over: the command is ended if it still runs, and nothing follows. */
  end(): void;
}

export interface StoppingOptions {
  /** How long the command and what it brings about may take, in milliseconds. */
  limitMs: number;
  /** Runs the command to its end, or until it is aborted; answers what went wrong. */
  command(cut: AbortSignal): Promise<string | undefined>;
  onFault(reason: string): void;
  /** Sends the stop signal. */
  askToStop(): void;
}

export function beginStopping({ limitMs, command, onFault, askToStop }: StoppingOptions): Stopping {
  const cut = new AbortController();
  let hasEnded = false;
  let isOver = false;
  const timer = setTimeout(() => {
    if (!hasEnded) onFault(`stop_exec has not ended within ${limitMs / 1_000} s; the stop signal follows`);
    signal();
  }, limitMs);

  function end(): void {
    isOver = true;
    clearTimeout(timer);
    cut.abort();
  }

  function signal(): void {
    end();
    askToStop();
  }

  async function run(): Promise<void> {
    const fault = await command(cut.signal).catch(reasonOf);
    hasEnded = true;
    if (fault === undefined || isOver) return;
    onFault(`${fault}; the stop signal follows`);
    signal();
  }

  void run();
  return { end };
}
