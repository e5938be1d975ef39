// Decides what each task of a command is told, by the state that it is in, or why the command is refused. Pure.
import type { TaskServiceConfig } from "../../config/context-config.ts";
import { idsMeant } from "../../config/instances.ts";
import { isInternal } from "../../config/internal.ts";
import { entersAtOnce } from "../../config/meaning.ts";
import { ZcontextError } from "../../errors.ts";
import { hasProcess, isPending } from "../../protocol/task-state.ts";
import { scheduleOf } from "../task/schedule.ts";
import type { Order } from "../task/task-contract.ts";
import type { TaskView, TransactionView } from "../transaction/members.ts";
import type { Selection } from "./selection.ts";
import { tasksOf } from "./view.ts";

export function startOrders(selection: Selection, known: TransactionView | undefined): Order[] {
  const { tasks } = selection;
  const running = tasks.filter(({ id }) => isRunning(known?.get(id)));
  if (running.length > 0) throw alive(running, known);
  return tasks.map((task) => startOrder(task, selection, known));
}

// One that is leaving is started once it is gone.
export function isRunning(task: TaskView | undefined): boolean {
  return task !== undefined && hasProcess(task.state) && !task.isLeaving;
}

// A start of a whole context only registers the tasks on demand. Where it has no others, a second one runs them.
function startOrder(
  task: TaskServiceConfig,
  { tasks, areNamed }: Selection,
  known: TransactionView | undefined,
): Order {
  const isSecond = known?.get(task.id)?.state === "defined" && !tasks.some(entersAtOnce);
  return { task, action: areNamed || entersAtOnce(task) || isSecond ? "start" : "define" };
}

// A restart of a whole context leaves alone the tasks on demand that do not run, unless it has no others.
export function restartOrders(selection: Selection, known: TransactionView | undefined): Order[] {
  const { tasks, areNamed } = selection;
  const isIdle = (task: TaskServiceConfig) => {
    const state = known?.get(task.id)?.state;
    return state !== undefined && !hasProcess(state) && !isPending(state) && !entersAtOnce(task);
  };
  const areAllMeant = areNamed || tasks.every(isIdle);
  return tasks
    .filter((task) => areAllMeant || !isIdle(task))
    .map((task) => (known?.has(task.id) ? { task, action: "restart" } : startOrder(task, selection, known)));
}

/** Starts the services that are no internal ones, and do not run; those on demand are left alone. */
export function customStartOrders(own: readonly TaskServiceConfig[], known: TransactionView | undefined): Order[] {
  const others = [...(known?.values() ?? [])]
    .map(({ task }) => task)
    .filter(({ id }) => !own.some((one) => one.id === id));
  return [...own, ...others]
    .filter((task) => !isInternal(task) && entersAtOnce(task) && !isRunning(known?.get(task.id)))
    .map((task) => ({ task, action: "start" }));
}

/** Stops the services that are no internal ones. */
export function customStopOrders(known: TransactionView): Order[] {
  return [...known.values()]
    .filter((one) => !isInternal(one.task) && mayBeStopped(one))
    .map(({ task }) => ({ task, action: "stop" }));
}

export function stopOrders(named: readonly string[], known: TransactionView): Order[] {
  const ids = idsMeant(named, tasksOf(known));
  assertKnown(ids, known);
  assertCustom(ids, known);
  return [...known.values()]
    .filter((one) => (ids.length === 0 || ids.includes(one.task.id)) && mayBeStopped(one))
    .map(({ task }) => ({ task, action: "stop" }));
}

function mayBeStopped({ task, state, awaitsCode = false }: TaskView): boolean {
  return (
    awaitsCode || scheduleOf(task, state) !== undefined || hasProcess(state) || isPending(state) || state === "defined"
  );
}

export function alive(tasks: readonly TaskServiceConfig[], known: TransactionView | undefined): ZcontextError {
  const states = tasks.map(({ id }) => `${id} is ${known?.get(id)?.state}`).join(", ");
  return new ZcontextError("ERR_TASK_ALIVE", `${states}: stop it first, or use restart`);
}

function assertKnown(ids: readonly string[], known: TransactionView): void {
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  throw new ZcontextError(
    "ERR_TASK_UNKNOWN",
    `no task ${unknown.join(", ")} in this transaction; have ${[...known.keys()].join(", ")}`,
  );
}

// A stop of the whole transaction ends them as well: whether it names all tasks or none.
function assertCustom(ids: readonly string[], known: TransactionView): void {
  const internal = ids.filter((id) => isInternal(known.get(id)?.task ?? NO_TASK));
  const isWhole = [...known.keys()].every((id) => ids.includes(id));
  if (internal.length === 0 || isWhole) return;
  throw new ZcontextError(
    "ERR_SERVICE_INTERNAL",
    `${internal.join(", ")}: an internal service, which ends with its transaction only; restart it, or stop all`,
  );
}

const NO_TASK = { instance: "", serviceType: "Process", configuration: {} } as const;
