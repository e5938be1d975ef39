// What becomes of a transaction that an earlier provider was running when it died: which of its tasks are taken up, with
// which definition, and what the file, which may have changed since, adds to it. Pure.
import { isDeepStrictEqual } from "node:util";
import type { ContextConfig, TaskServiceConfig } from "../../config/context-config.ts";
import { entersAtOnce, withOwnSupervision } from "../../config/meaning.ts";
import { readTaskServices } from "../../config/task-service.ts";
import type { ResumableTask, ResumableTransaction } from "../journal/recall.ts";
import { scheduleOf } from "../task/schedule.ts";
import type { Order } from "../task/task-contract.ts";

export interface ResumePlan {
  /** What is taken up, and its definition now. */
  tasks: readonly { known: ResumableTask; task: TaskServiceConfig }[];
  /** It ran, or was to run, and does again. */
  again: readonly TaskServiceConfig[];
  /** What the file wants besides. */
  added: readonly Order[];
  /** What the log has to say, one line each. */
  remarks: readonly Remark[];
}

export interface Remark {
  level: "info" | "warn";
  tasks: readonly string[];
  phrase: string;
}

type FileTasks = Pick<ContextConfig, "tasks" | "supervision">;

export function planResume(before: ResumableTransaction, file: FileTasks): ResumePlan {
  const found = before.tasks.map((known) => ({ known, task: definitionOf(known, file) }));
  const tasks = found.flatMap(({ known, task }) => (task === undefined ? [] : [{ known, task }]));
  const again = tasks.filter(({ known }) => known.isWanted).map(({ task }) => task);
  // It was being stopped, and nothing of it is left: nothing is added to what is over.
  const isOver = tasks.every(
    ({ known: { isWanted, state }, task }) => !isWanted && state !== "defined" && scheduleOf(task, state) === undefined,
  );
  const isNew = ({ id }: TaskServiceConfig) => before.tasks.every((known) => known.id !== id);
  const isDueNow = ({ known, task }: (typeof tasks)[number]) => known.state === "defined" && entersAtOnce(task);
  const fresh = isOver ? [] : file.tasks.filter(isNew);
  const due = isOver ? [] : tasks.filter(isDueNow).map(({ task }) => task);
  const added = [...due, ...(before.isWhole ? fresh : [])].map((task) => ({ task, action: orderFor(task) }));
  const idsOf = (orders: readonly Order[], action: Order["action"]) =>
    orders.filter((order) => order.action === action).map(({ task }) => task.id);
  const remarks: Remark[] = [
    {
      level: "warn",
      tasks: found.filter(({ task }) => task === undefined).map(({ known }) => known.id),
      phrase: "not resumed: no longer in the file",
    },
    {
      level: "warn",
      tasks: tasks.filter(({ task }) => isOutdated(task, file)).map(({ task }) => task.id),
      phrase: "resumed as their command defined them, though the file has another entry or other triggers",
    },
    { level: "info", tasks: idsOf(added, "start"), phrase: "added by the file since, started" },
    { level: "info", tasks: idsOf(added, "define"), phrase: "added by the file since, on demand" },
    {
      level: "warn",
      tasks: before.isWhole ? [] : fresh.map(({ id }) => id),
      phrase: "not started: the transaction was started with some tasks of the file only",
    },
  ];
  return { tasks, again, added, remarks: remarks.filter((remark) => remark.tasks.length > 0) };
}

function orderFor(task: TaskServiceConfig): "start" | "define" {
  return entersAtOnce(task) ? "start" : "define";
}

/** The definition that came by message, or else that of the file. */
function definitionOf({ id, body }: ResumableTask, file: FileTasks): TaskServiceConfig | undefined {
  if (body === undefined) return file.tasks.find((task) => task.id === id);
  const [task] = readTaskServices({ TaskService: body });
  return task && withOwnSupervision(task, { supervision: file.supervision, ownTasks: file.tasks });
}

function isOutdated(task: TaskServiceConfig, { tasks }: FileTasks): boolean {
  const own = tasks.find(({ id }) => id === task.id);
  return own !== undefined && (own.entry !== task.entry || !isDeepStrictEqual(own.triggers, task.triggers));
}
