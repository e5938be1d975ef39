// Decides which tasks a command is for: those that it names or brings along, looked up and held against what this provider
// may run. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { idsMeant } from "../../config/instances.ts";
import { withOwnSupervision } from "../../config/meaning.ts";
import { readTaskServiceIds, readTaskServices } from "../../config/task-service.ts";
import { ZcontextError } from "../../errors.ts";
import { assertAllowedCommand } from "../../launch/code/allowed-commands.ts";
import { isObject, type Json } from "../../protocol/json.ts";
import type { TransactionView } from "../transaction/members.ts";
import { tasksOf, type View } from "./view.ts";

/** The tasks that a command is for. */
export interface Selection {
  tasks: readonly TaskServiceConfig[];
  /** It picks them out, rather than to mean a whole context: those on demand run as well. */
  areNamed: boolean;
}

export function whole(tasks: readonly TaskServiceConfig[]): Selection {
  return { tasks, areNamed: false };
}

// The tasks a command brings along; none of its own in most cases.
export function selectionIn(
  configuration: Json | undefined,
  known: TransactionView | undefined,
  view: View,
  preferred: "as it runs" | "as in the file" = "as in the file",
): Selection | undefined {
  if (!isObject(configuration) || configuration.TaskService === undefined) return undefined;
  const { TaskService: given } = configuration;
  const entries = Array.isArray(given) ? given : [given];
  const [bare, complete] = [entries.filter(isId), entries.filter((entry) => !isId(entry))];
  const tasks = [
    ...lookUp(readTaskServiceIds({ TaskService: bare }), known, view, preferred),
    // As it came where there are none, so that a refusal names the places of the message.
    ...readTaskServices(bare.length === 0 ? configuration : { TaskService: complete }).flatMap(
      (task) => instancesIn(view, task.id) ?? [withOwnSupervision(task, view)],
    ),
  ];
  if (tasks.length === 0) return undefined;
  for (const task of tasks) assertMayRun(task, view);
  return { tasks, areNamed: complete.length === 0 || arePickedOut(tasks, tasksOf(known) ?? [], view) };
}

// The original sends the definitions of all tasks that are meant: those of a whole file, or of some of them.
function arePickedOut(
  tasks: readonly TaskServiceConfig[],
  present: readonly TaskServiceConfig[],
  { ownTasks }: View,
): boolean {
  const ids = new Set(tasks.map(({ id }) => id));
  const isPartOf = (all: readonly TaskServiceConfig[]) =>
    all.some(({ id }) => !ids.has(id)) && tasks.every(({ id }) => all.some((one) => one.id === id));
  const isWholeFile = ownTasks.length > 0 && ownTasks.every(({ id }) => ids.has(id));
  return !isWholeFile && (isPartOf(ownTasks) || isPartOf(present));
}

// A message brings one task where the file has several instances of it: they are meant, as the file has them.
function instancesIn({ ownTasks }: View, id: string): TaskServiceConfig[] | undefined {
  const instances = ownTasks.filter(({ instanceOf }) => instanceOf?.id === id);
  return instances.length === 0 ? undefined : instances;
}

function assertMayRun(task: TaskServiceConfig, view: View): void {
  const { id, command, configuration } = task;
  if (command !== undefined) return assertAllowedCommand(id, command, view.ownTasks);
  if (view.mayLoad(task)) return;
  throw new ZcontextError(
    "ERR_LOCATION_FORBIDDEN",
    `${id}: code may not be loaded from ${JSON.stringify(configuration.location)}, which the provider's own file does not name`,
  );
}

// An entry that holds nothing but its id means the task the provider knows by it.
function isId(entry: Json): boolean {
  return isObject(entry) && Object.keys(entry).join() === "id";
}

function lookUp(
  ids: readonly string[],
  known: TransactionView | undefined,
  { ownTasks }: View,
  preferred: "as it runs" | "as in the file",
): TaskServiceConfig[] {
  return idsMeant(ids, [...ownTasks, ...(tasksOf(known) ?? [])]).map((id) => {
    const own = ownTasks.find((each) => each.id === id);
    const running = known?.get(id)?.task;
    const task = preferred === "as it runs" ? (running ?? own) : (own ?? running);
    if (task !== undefined) return task;
    throw new ZcontextError(
      "ERR_TASK_UNKNOWN",
      `the provider's own file has no task ${id}; it has ${ownTasks.map((own) => own.id).join(", ")}`,
    );
  });
}
