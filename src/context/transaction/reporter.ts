// Tells what happens to the tasks of all transactions: to the log, to the journal, on the wire, and to the observer.
import { constants } from "node:os";
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { formatTaskService } from "../../config/task-service.ts";
import { reasonOf } from "../../errors.ts";
import type { InputFaults } from "../../input-faults.ts";
import type { Log } from "../../log.ts";
import { withoutColours } from "../../printed-text.ts";
import type { Frame } from "../../protocol/codec.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Journal } from "../journal/journal.ts";
import { isWanted } from "../task/lifecycle.ts";
import { whyIn } from "../task/record.ts";
import type { Change, SupervisedTask, TaskHost } from "../task/task-contract.ts";
import type { ProviderObserver } from "./observer.ts";
import type { TrialWord } from "./replacements.ts";
import * as report from "./report.ts";
import type { Transaction, TransactionEvent } from "./transaction.ts";
import { detailOf, frameOf, keptOf, transitionOf } from "./transition.ts";
import { describeTransition } from "./transition-log.ts";

export interface ReporterOptions {
  host: Pick<TaskHost, "contextId" | "nowMs" | "publish">;
  /** The tasks of the provider's own file. */
  ownTasks(): readonly TaskServiceConfig[];
  journal: Pick<Journal, "write">;
  /** Of the last transition that the journal knows; further ones are counted from there. */
  lastSequence: number;
  /** Of the provider's publisher. */
  incarnation: string;
  /** False when the frame can't travel, which has been reported. */
  send(frame: Frame): boolean;
  inputFaults: InputFaults;
  log: Log;
  observer: ProviderObserver;
}

/** Tells one event. */
export type Report = (
  transaction: Pick<Transaction, "id" | "tasks">,
  task: SupervisedTask,
  event: TransactionEvent,
) => void;

export function createReporter(options: ReporterOptions): Report {
  const { host, ownTasks, journal, incarnation, send, inputFaults, log, observer } = options;
  let sequence = options.lastSequence;
  /** The tasks that the journal knows to be wanted. */
  const wanted = new WeakSet<SupervisedTask>();

  function moved(transaction: Pick<Transaction, "id" | "tasks">, task: SupervisedTask, change: Change): void {
    sequence += 1;
    const moment = { monotonicMs: host.nowMs(), time: new Date().toISOString() };
    const transition = transitionOf(task, change, { transaction: transaction.id, sequence, moment });
    journal.write(transition);
    noteWanted(task, transition.isWanted);
    send(frameOf(transition, { contextId: host.contextId(), incarnation }, task));
    observer({ type: "moved", transition, detail: detailOf(task, change) });
    const { level, fields, phrase } = describeTransition(task, change);
    log[level]({ ...namesOf(transaction, task), ...fields }, phrase);
    if (task.standing.state === "failed") warnDependents(transaction, task.task.id);
  }

  // A start that waits for the end of the present run, and a stop after it, are no transitions: the next provider is to
  // know of them all the same.
  function keepWanted(transaction: Pick<Transaction, "id">, task: SupervisedTask): void {
    const isNow = isWanted(task.standing);
    if (wanted.has(task) === isNow) return;
    noteWanted(task, isNow);
    journal.write(keptOf(task, { transaction: transaction.id }));
  }

  function noteWanted(task: SupervisedTask, isNow: boolean): void {
    if (isNow) wanted.add(task);
    else wanted.delete(task);
  }

  // Only a trigger or a command starts the failed task again.
  function warnDependents(transaction: Pick<Transaction, "id" | "tasks">, failed: string): void {
    for (const other of transaction.tasks)
      if (other.standing.state === "blocked" && other.task.supervision.dependsOn.includes(failed))
        log.warn({ ...namesOf(transaction, other), reason: `${failed} has failed` }, "waits in vain");
  }

  /** The definition, where another provider would not find it in its file. */
  function bodyOf(task: TaskServiceConfig): { body?: JsonObject } {
    if (ownTasks().includes(task)) return {};
    return { body: { ...formatTaskService(task, { action: "start" }) } as unknown as JsonObject };
  }

  return (transaction, task, event) => {
    const names = namesOf(transaction, task);
    const about = { contextId: host.contextId(), transaction: transaction.id };
    switch (event.type) {
      case "runBegan":
        return;
      case "defined":
        return journal.write({
          kind: "defined",
          transaction: transaction.id,
          task: task.task.id,
          ...bodyOf(task.task),
        });
      case "moved":
        return moved(transaction, task, event.change);
      case "changed":
        keepWanted(transaction, task);
        return observer({ type: "changed" });
      case "triggered": {
        const { action, ...called } = event.consequence;
        const { serviceIds: call, unknown } = { serviceIds: [], unknown: [], ...called };
        // Where it shows in the task's state, the line of that has said it.
        const isNews = event.event === "on_fail" && whyIn(task.standing) === undefined;
        const reason = isNews ? { reason: task.standing.life.reason } : {};
        log.info({ ...names, action, call, ...reason }, `trigger ${event.event}`);
        observer({ type: "triggered", ...names, event: event.event, action, call });
        if (unknown.length > 0)
          log.warn({ ...names, event: event.event, unknown }, "trigger calls tasks that do not exist");
        return;
      }
      case "trial": {
        const { pid, run } = { ...task.standing.life };
        const fields = { ...names, run, ...(pid && { pid }), ...(event.reason && { reason: event.reason }) };
        return log[event.word === "given up" ? "warn" : "info"](fields, phraseOf(event.word));
      }
      case "throttled": {
        const throttled = report.throttled(about, task.task.id);
        log.warn({ ...names, reason: throttled.status.reason }, "triggers run away");
        return void host.publish(throttled);
      }
      case "restartRefused":
        log.warn({ ...names, reason: event.reason }, "not restarted");
        return void host.publish(report.notRestarted(about, task.task.id, event.reason));
      case "restartsForgiven":
        return log.info({ ...names, ends: event.ends }, "restart count cleared by a start");
      case "essentialEnd":
        return log.warn(
          { ...names, state: task.standing.state, code: exitCodeOf(task) },
          "essential task has ended, leaving with its code",
        );
      case "output": {
        const { level = "info", fields, stream, line } = event;
        // What a task prints is on the terminal, also what it says for its authors.
        log[level === "debug" ? "info" : level]({ ...names, stream, line, ...(fields && { fields }) }, "output");
        return observer({ ...event, ...names, run: task.standing.life.run, line: withoutColours(line) });
      }
      case "noted": {
        const { phrase, reason } = event;
        log.warn({ ...names, reason }, phrase);
        return observer({ type: "noted", ...names, phrase, reason });
      }
      case "malformed":
        return inputFaults.add("malformed line", { ...names, reason: event.error.message });
      case "effectFailed":
        return log.error({ ...names, effect: event.effect, reason: reasonOf(event.error) }, "effect failed");
    }
  };
}

function phraseOf(word: TrialWord): string {
  return word === "replaced run gone" ? word : `replacement ${word}`;
}

/** The exit code of a task that has ended; 128 and the signal's number, as shells have it, where a signal has ended it. */
export function exitCodeOf({ lastExit, standing }: SupervisedTask): number {
  const { code, signal } = lastExit ?? { code: 0, signal: null };
  const told = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  // One that has failed in spite of a 0, such as one that never got ready, has not ended well.
  return told === 0 && standing.state === "failed" ? 1 : told;
}

function namesOf({ id }: { id: string }, { task }: SupervisedTask): { task: string; transaction: string } {
  return { task: task.id, transaction: id };
}
