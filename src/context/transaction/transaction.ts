// The task services of one transaction: hands orders to them, follows their triggers, and knows when all is over.
import type { ContextConfig, TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { ControlMessage } from "../../protocol/message.ts";
import type { TaskRecord, TransactionRecord } from "../../protocol/task-record.ts";
import { hasProcess, isAtRest } from "../../protocol/task-state.ts";
import type { Past } from "../task/life.ts";
import { scheduleOf } from "../task/schedule.ts";
import {
  type Cause,
  type Change,
  COMMAND,
  type Order,
  type ProcessesFound,
  type SupervisedTask,
  type TaskEvent,
  type TaskHost,
} from "../task/task-contract.ts";
import { createConsequences } from "./consequences.ts";
import { restartedWith } from "./dependencies.ts";
import { createEssentials } from "./essentials.ts";
import { createMembers, type TransactionView } from "./members.ts";
import { createOrderedStops } from "./ordered-stops.ts";
import type { TrialWord, Verdict } from "./replacements.ts";
import { type Consequence, consequenceOf } from "./triggers.ts";

/** What happens in a transaction: most of what its tasks tell, and what it makes of the rest. */
export type TransactionEvent =
  | Exclude<TaskEvent, { type: "fired" | "restartPlanned" | "changed" }>
  /** A task has become known to the transaction, or has another definition from now on. */
  | { type: "defined" }
  /** A task went from one state to another. */
  | { type: "moved"; change: Change }
  /** What the record of a task shows may have changed. */
  | { type: "changed" }
  | { type: "triggered"; event: TriggerEvent; consequence: Consequence }
  /** What becomes of a run that is to replace the task's own, or that it has replaced. */
  | { type: "trial"; word: TrialWord; reason?: string }
  /** A task without which the context is of no use has ended for good, unasked. */
  | { type: "essentialEnd" };

export interface TransactionOptions {
  host: TaskHost;
  /** The provider's own file as it holds now: a trigger may name its tasks before they are started. */
  config(): Pick<ContextConfig, "logName" | "tasks" | "strategy">;
  /** The four addresses as `context_info` shows them. */
  addresses: JsonObject;
  observe(task: SupervisedTask, event: TransactionEvent): void;
  /** Nothing runs and nothing can follow but by a new command: all is over, or tasks still wait on demand. */
  onQuiet(isOver: boolean): void;
}

export interface Transaction {
  readonly id: string;
  /** How its tasks stand, once all has happened that follows from what has happened: what a command is decided by. */
  readonly view: TransactionView;
  readonly tasks: Iterable<SupervisedTask>;
  task(id: string): SupervisedTask | undefined;
  /** All that may have a process: the tasks, and what runs beside them for a time. */
  readonly processes: Iterable<SupervisedTask>;
  /** As `context_info` and `reply_context` show it. */
  readonly record: TransactionRecord;
  /** A command has asked all that ran of it to stop, and nothing has started any of it since. */
  readonly isAskedToEnd: boolean;
  obey(orders: readonly Order[]): void;
  /** Takes a task up where an earlier provider has left it. */
  resume(task: TaskServiceConfig, past: Past): void;
  /** An announcement about one of the tasks from a peer that has no incarnation of ours. */
  note(message: ControlMessage): void;
  /** What the monitor has found about the processes of a task. */
  inspect(serviceId: string, processes: ProcessesFound): void;
  /** Stops every task; it is over when the last has gone. */
  stop(): void;
  /** Another model of the context takes hold. */
  readonly reload: TransactionReload;
}

/** The steps of a reload, for the reload, which knows their order. */
export interface TransactionReload {
  /** Starts a run of this definition beside that of the task; resolves once it has been ready for long enough, or has failed and is gone. */
  tryOut(task: TaskServiceConfig, cause: Cause): Promise<Verdict>;
  /** Why the replacement that was tried may not take over; undefined where it may. */
  faultOf(id: string): string | undefined;
  /** The replacement that was tried becomes the task, and its former run stops. */
  takeOver(task: TaskServiceConfig, cause: Cause): void;
  /** No replacement takes over. */
  giveUp(reason: string, cause: Cause): void;
  /** These definitions hold, for the tasks that are there; their processes go on. */
  redefine(tasks: readonly TaskServiceConfig[]): void;
  /** Stops tasks and forgets them; resolves when they are gone, or can't be ended. */
  remove(ids: readonly string[], cause: Cause): Promise<void>;
  /** The transaction does not end by itself before this is called. */
  hold(): () => void;
}

/** Opens a transaction without tasks; orders bring them. `contextName` is the service name of the first command. */
export function openTransaction(
  id: string,
  contextName: string,
  { host, config, addresses, observe, onQuiet }: TransactionOptions,
): Transaction {
  const members = createMembers({
    transaction: id,
    host,
    hear,
    hearBeside: observe,
    onDefined: (supervised) => observe(supervised, { type: "defined" }),
    onReplaced: moved,
    onTrial: (supervised, word, reason) => observe(supervised, { type: "trial", word, ...(reason && { reason }) }),
    onChanged(supervised) {
      observe(supervised, { type: "changed" });
      consequences.schedule();
    },
  });
  const { tasks, adopt, states } = members;
  const stops = createOrderedStops(tasks, states);
  const consequences = createConsequences({ advance: stops.advance, settle });
  const essentials = createEssentials((supervised) => observe(supervised, { type: "essentialEnd" }));
  let isAskedToEnd = false;
  let holds = 0;

  function hear(supervised: SupervisedTask, event: TaskEvent): void {
    switch (event.type) {
      case "fired":
        return consequences.add(() => follow(supervised, event));
      case "restartPlanned":
        return restartOthers(supervised, event.delayMs);
      case "changed":
        return changed(supervised, event.change);
      default:
        return observe(supervised, event);
    }
  }

  function changed(supervised: SupervisedTask, change: Change): void {
    if (supervised.standing.state !== change.from) moved(supervised, change);
    observe(supervised, { type: "changed" });
    consequences.schedule();
  }

  function moved(supervised: SupervisedTask, change: Change): void {
    observe(supervised, { type: "moved", change });
    essentials.moved(supervised);
    members.tellDependents(supervised.task.id);
  }

  function restartOthers(supervised: SupervisedTask, delayMs: number): void {
    const { strategy } = config();
    const cause: Cause = { kind: "strategy", strategy, task: supervised.task.id };
    for (const { standing, restartWith } of restartedWith(supervised, [...tasks.values()], strategy))
      if (hasProcess(standing.state) && !standing.life.requested) restartWith(delayMs, cause);
  }

  function settle(): void {
    essentials.report();
    members.forgetRemoved();
    if (holds > 0) return;
    const present = [...states().values()].map(({ state }) => state);
    // One that is blocked while no other is under way waits in vain, but for a new command.
    if (!consequences.isEmpty || !present.every((state) => isAtRest(state) || state === "blocked")) return;
    if ([...members.processes].length > tasks.size) return;
    if ([...tasks.values()].some(isScheduled)) return;
    const isAwaited = [...tasks.values()].some(({ awaitsCode }) => awaitsCode);
    onQuiet(!isAwaited && present.every((state) => state !== "defined" && state !== "blocked"));
  }

  function follow(supervised: SupervisedTask, { event, run }: { event: TriggerEvent; run: number }): void {
    const reach = { contextId: host.contextId(), present: [...tasks.keys()], isKnown: (each: string) => !!find(each) };
    const consequence = consequenceOf(supervised.task, event, reach);
    if (consequence === undefined) return;
    observe(supervised, { type: "triggered", event, consequence });
    const cause: Cause = { kind: "trigger", event, task: supervised.task.id };
    if (consequence.action === "exit") return stop(cause);
    const called = consequence.serviceIds.flatMap((serviceId) => find(serviceId) ?? []).map((task) => adopt(task));
    if (consequence.action === "stop") return stops.begin(idsOf(called), cause);
    isAskedToEnd = false;
    for (const other of called)
      other.trigger(consequence.action, { cause, ...(other === supervised ? { ownRun: run } : {}) });
  }

  function find(serviceId: string): TaskServiceConfig | undefined {
    return tasks.get(serviceId)?.task ?? config().tasks.find((task) => task.id === serviceId);
  }

  /** What runs beside it shows as well. */
  function recordOf({ task, record }: SupervisedTask): TaskRecord {
    const beside = members.describe(task.id);
    const reason = [record.reason, beside].filter((part) => part !== undefined).join("; ");
    return reason === "" ? record : { ...record, reason };
  }

  function obey(order: Order): void {
    const supervised = adopt(order.task);
    const isNew = supervised.task !== order.task;
    supervised.obey(order);
    if (isNew) observe(supervised, { type: "defined" });
  }

  function isAllOf(toStop: readonly SupervisedTask[]): boolean {
    return [...tasks.values()].every((one) => toStop.includes(one) || isAtRest(one.standing.state));
  }

  function stop(cause: Cause): void {
    consequences.carryOut();
    members.giveUp("its transaction was stopped", cause);
    stops.begin([...tasks.keys()], cause);
  }

  return {
    id,
    get view() {
      consequences.carryOut();
      return members.view();
    },
    get tasks() {
      return tasks.values();
    },
    task: (serviceId) => tasks.get(serviceId),
    get processes() {
      return members.processes;
    },
    get isAskedToEnd() {
      return isAskedToEnd;
    },
    get record() {
      return {
        configuration: addresses,
        contextId: host.contextId(),
        contextLogName: config().logName,
        contextName,
        tasks: [...tasks.values()].map(recordOf),
      };
    },
    obey(orders) {
      consequences.carryOut();
      for (const { task, action, cause = COMMAND } of orders)
        if (action === "stop" || action === "restart")
          members.giveUp(`a ${action} of the task came first`, cause, task.id);
      for (const order of orders.filter(({ action }) => action !== "stop")) {
        if (order.action === "start") stops.startAfter(order.task.id);
        if (order.action === "restart") stops.cancel(order.task.id);
        obey(order);
      }
      const toStop = orders.filter(({ action }) => action === "stop").map(({ task }) => adopt(task));
      isAskedToEnd = toStop.length === orders.length && isAllOf(toStop);
      stops.begin(idsOf(toStop), COMMAND);
    },
    resume(task, past) {
      adopt(task, past);
      consequences.schedule();
    },
    note: (message) => tasks.get(message.header.serviceId)?.note(message),
    inspect: (serviceId, processes) => tasks.get(serviceId)?.inspect(processes),
    stop: () => stop(COMMAND),
    reload: {
      tryOut(task, cause) {
        const present = tasks.get(task.id);
        return present === undefined ? Promise.resolve("it is not there") : members.begin(present, task, cause);
      },
      faultOf: members.faultOf,
      takeOver(task, cause) {
        for (const fired of members.takeOver(task, cause)) {
          const supervised = adopt(task);
          consequences.add(() => follow(supervised, fired));
        }
      },
      giveUp: members.giveUp,
      redefine: members.redefine,
      remove(ids, cause) {
        const gone = members.remove(ids);
        stops.begin(ids, cause);
        consequences.schedule();
        return gone;
      },
      hold() {
        holds += 1;
        return () => {
          holds -= 1;
          consequences.schedule();
        };
      },
    },
  };
}

/** Its schedule starts it, be it that nothing runs now. */
export function isScheduled({ task, standing }: SupervisedTask): boolean {
  return scheduleOf(task, standing.state) !== undefined;
}

function idsOf(tasks: readonly SupervisedTask[]): string[] {
  return tasks.map(({ task }) => task.id);
}
