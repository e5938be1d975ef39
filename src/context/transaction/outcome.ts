// How transactions and their tasks have ended, for people and for exit codes. Pure.
import type { TaskState } from "../../protocol/task-state.ts";
import { whyIn } from "../task/record.ts";
import type { SupervisedTask } from "../task/task-contract.ts";

/** How a transaction ended. */
export interface Outcome {
  transaction: string;
  tasks: { id: string; state: TaskState; runs: number; reason?: string }[];
}

export function outcomeOf({ id, tasks }: { id: string; tasks: Iterable<SupervisedTask> }): Outcome {
  return { transaction: id, tasks: [...tasks].map(taskOutcomeOf) };
}

function taskOutcomeOf({ task, standing }: SupervisedTask): Outcome["tasks"][number] {
  const { state, life } = standing;
  const reason = state === "failed" ? whyIn(standing) : undefined;
  return { id: task.id, state, runs: life.run, ...(reason === undefined ? {} : { reason }) };
}

/** Why a transaction that has ended is not there any more, in a clause. */
export function describeOutcome({ tasks }: Outcome): string {
  return `has ended: ${tasks.map(({ id, state }) => `${id} ${state}`).join(", ")}`;
}
