// Follows a command from before it goes out until it has settled: asks the provider again from time to time, for an
// announcement can be lost, and looks whether the provider is still there. What is known is in command-state.ts.
import { deferred } from "../../deferred.ts";
import { ZcontextError } from "../../errors.ts";
import type { Message } from "../../protocol/message.ts";
import type { TaskRecord } from "../../protocol/task-record.ts";
import type { Orders } from "./answers.ts";
import type { Command } from "./command.ts";
import * as state from "./command-state.ts";
import { providerGone } from "./provider-loss.ts";

/** What an accepted command has set going. */
export interface CommandProgress {
  /** What each task it concerns was told: `start`, `define`, `restart` or `stop`. */
  orders: Orders;
  /** The tasks of the transaction as they stood before they were told. */
  before: readonly TaskRecord[];
  /**
   * Waits until each task that was to run does, or has ended for good, and each that was to stop is gone. An order that a
   * later contrary one has superseded is not waited for.
   *
   * @throws {ZcontextError} `ERR_REQUEST_TIMEOUT` naming the tasks that are still under way, or `ERR_PROVIDER_GONE`.
   */
  settled(timeoutMs: number): Promise<state.SettledTask[]>;
}

/** How often we ask for the tasks and look for the provider while we wait, in milliseconds. */
const POLL_MS = 1_000;

export interface CommandTracker extends Pick<CommandProgress, "settled"> {
  readonly before: readonly TaskRecord[];
  /** To be called with every message, from before the command goes out. */
  hear(message: Message): void;
}

export interface TrackerOptions {
  /** The request id under which the command goes out. */
  requestId: string;
  /** Asks the provider for the tasks; `hear` gets the reply. */
  ask(): Promise<unknown>;
  /** A clause that says how the provider was lost; undefined while it is there. */
  findLoss(): Promise<string | undefined>;
}

/** Follows one command. */
export function trackCommand(command: Command, { requestId, ask, findLoss }: TrackerOptions): CommandTracker {
  const { action, transaction } = command;
  const settlement = deferred<state.SettledTask[]>();
  settlement.promise.catch(() => {}); // a caller need not wait for it
  let known = state.newCommandState(command, requestId);
  let isAsking = false;

  function hear(message: Message): void {
    const next = state.hear(known, message);
    if (next === known) return;
    known = next;
    const phase = state.phaseOf(known);
    if (phase === "settled") settle();
    if (phase === "unconfirmed") void askAgain();
  }

  function settle(): void {
    settlement.resolve(state.settledTasks(known));
  }

  /** No reply will come any more: what was announced counts, and what is still under way has failed. */
  function giveUp(error: unknown): void {
    if (state.phaseOf(known) === "underway") settlement.reject(error);
    else settle();
  }

  async function askAgain(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    try {
      await ask();
    } catch (error) {
      const code = error instanceof ZcontextError ? error.code : undefined;
      if (code === "ERR_REQUEST_TIMEOUT" && action === "exit") settle(); // it has left
      if (code === "ERR_TRANSACTION_UNKNOWN" && action !== "exit") {
        if (action === "stop") settle();
        else giveUp(error);
      }
    } finally {
      isAsking = false;
    }
  }

  async function lookForProvider(): Promise<void> {
    const loss = await findLoss();
    if (loss === undefined) return;
    if (action === "exit") settle();
    else settlement.reject(providerGone(`${action} of ${transaction}: ${loss}`));
  }

  return {
    get before() {
      return known.before;
    },
    hear,
    async settled(timeoutMs) {
      const poll = setInterval(() => {
        void askAgain();
        void lookForProvider();
      }, POLL_MS);
      const late = setTimeout(() => giveUp(unsettled(known, timeoutMs)), timeoutMs);
      return settlement.promise.finally(() => {
        clearInterval(poll);
        clearTimeout(late);
      });
    },
  };
}

function unsettled(known: state.CommandState, timeoutMs: number): ZcontextError {
  const { action, transaction } = known;
  const tasks = state.tasksUnderway(known).map((id) => `${id} (${state.standingOf(known, id)})`);
  const missing = action === "exit" ? "the provider" : tasks.join(", ");
  return new ZcontextError(
    "ERR_REQUEST_TIMEOUT",
    `${action} of ${transaction}: still waiting for ${missing} after ${timeoutMs / 1_000} s`,
    {
      hint: "The command was accepted and goes on; wait longer with --timeout, or look with --action request.",
    },
  );
}
