// The task services of one transaction: hands orders to them, follows their triggers, and knows when all is over.
import type { Strategy, TaskServiceConfig, TriggerEvent } from "../../config/context-config.ts";
import type { ControlMessage } from "../../protocol/message.ts";
import { hasProcess, isAtRest, type TaskState } from "../../protocol/task-state.ts";
import type { TransactionRecord } from "../task/record.ts";
import { supervise } from "../task/supervisor.ts";
import type { Change, Look, Order, Past, SupervisedTask, Surroundings } from "../task/task-contract.ts";
import { mayStop, missingFor } from "./dependencies.ts";
import { type Consequence, consequenceOf } from "./triggers.ts";

/** What a transaction needs for its tasks, and whom it tells about them. */
export interface TransactionOptions
  extends Omit<
    Surroundings,
    | "transaction"
    | "onRun"
    | "onFired"
    | "onSlowed"
    | "onComeback"
    | "onRefused"
    | "onForgiven"
    | "onChanged"
    | "onOutput"
    | "onGarbage"
    | "onIncident"
  > {
  /** The four addresses as the bus shows them. */
  configuration: TransactionRecord["configuration"];
  logName: string;
  /** Tasks of the provider's own file, which a trigger may name though nobody started them. */
  ownTasks: readonly TaskServiceConfig[];
  strategy: Strategy;
  observer: TransactionObserver;
}

export interface TransactionObserver {
  /** A run has begun; announcements under this incarnation are its. */
  onRun(supervised: SupervisedTask, incarnation: string): void;
  /** A task has become known to the transaction, or has another definition from now on. */
  onDefined(supervised: SupervisedTask): void;
  /** A task went from one state to another. */
  onMoved(supervised: SupervisedTask, change: Change): void;
  /** What `context_info` shows may have changed. */
  onChanged(): void;
  onTriggered(supervised: SupervisedTask, event: TriggerEvent, consequence: Consequence): void;
  onSlowed(supervised: SupervisedTask): void;
  onRefused(supervised: SupervisedTask, reason: string): void;
  onForgiven(supervised: SupervisedTask, ends: number): void;
  /** A task without which the context is of no use has ended for good, though nobody asked. */
  onEssentialEnd(supervised: SupervisedTask): void;
  onOutput(supervised: SupervisedTask, ...output: Parameters<Surroundings["onOutput"]>): void;
  onGarbage(supervised: SupervisedTask, ...garbage: Parameters<Surroundings["onGarbage"]>): void;
  onIncident(supervised: SupervisedTask, ...incident: Parameters<Surroundings["onIncident"]>): void;
  /** Nothing runs and nothing can follow but by a new command: all is over, or tasks still wait on demand. */
  onQuiet(isOver: boolean): void;
}

/** The tasks of one transaction by id, in the order of the file. */
export type TransactionView = ReadonlyMap<string, { task: TaskServiceConfig; state: TaskState }>;

export interface Transaction {
  readonly id: string;
  readonly view: TransactionView;
  /** Has happen now what follows from all that has happened, for whoever is to decide by the view. */
  catchUp(): void;
  readonly tasks: Iterable<SupervisedTask>;
  /** As `context_info` and `reply_context` show it. */
  readonly record: TransactionRecord;
  obey(orders: readonly Order[]): void;
  /** Takes a task up where an earlier provider has left it. */
  resume(task: TaskServiceConfig, past: Past): void;
  /** An announcement about one of the tasks from a peer that is none of ours. */
  note(message: ControlMessage): void;
  /** What a look at the processes of a task has found. */
  seen(serviceId: string, look: Look): void;
  /** Stops every task; it is over when the last has gone. */
  stop(): void;
}

const COMMAND = "command";

/** Opens a transaction without tasks; orders bring them. `contextName` is the service name of the first command. */
export function openTransaction(id: string, contextName: string, options: TransactionOptions): Transaction {
  const { observer, ownTasks } = options;
  const tasks = new Map<string, SupervisedTask>();
  const fired: (() => void)[] = [];
  /** Tasks that are to be gone, why, and whether they were told: one that others need waits for those. */
  const stops = new Map<string, { cause: string; isTold: boolean }>();
  /** Who has to be told before it is over. */
  const essential = new Set<SupervisedTask>();
  let isSettling = false;

  function adopt(task: TaskServiceConfig, past?: Past): SupervisedTask {
    const known = tasks.get(task.id);
    if (known !== undefined) return known;
    const supervised: SupervisedTask = supervise(
      task,
      surroundingsOf(() => supervised),
      past,
    );
    tasks.set(task.id, supervised);
    observer.onDefined(supervised);
    supervised.depend(missingFor(task, view()));
    // One that an earlier provider has left may count as ready for those that came before it.
    tellDependents(task.id);
    return supervised;
  }

  function surroundingsOf(find: () => SupervisedTask): Surroundings {
    return {
      ...options,
      transaction: id,
      onRun: (incarnation) => observer.onRun(find(), incarnation),
      onFired(event, run) {
        const supervised = find();
        fired.push(() => trigger(supervised, event, run));
        settleSoon();
      },
      onSlowed: () => observer.onSlowed(find()),
      onComeback: (delayMs) => accompany(find(), delayMs),
      onRefused: (reason) => observer.onRefused(find(), reason),
      onForgiven: (ends) => observer.onForgiven(find(), ends),
      onChanged(change) {
        changed(find(), change);
        settleSoon();
      },
      onOutput: (...output) => observer.onOutput(find(), ...output),
      onGarbage: (...garbage) => observer.onGarbage(find(), ...garbage),
      onIncident: (...incident) => observer.onIncident(find(), ...incident),
    };
  }

  function changed(supervised: SupervisedTask, change: Change): void {
    if (supervised.standing.state !== change.from) {
      observer.onMoved(supervised, change);
      if (supervised.task.supervision.essential) essential.add(supervised);
      tellDependents(supervised.task.id);
    }
    observer.onChanged();
  }

  function tellDependents(serviceId: string): void {
    for (const { task, depend } of tasks.values())
      if (task.supervision.dependsOn.includes(serviceId)) depend(missingFor(task, view()));
  }

  // By the strategy of the context, others are restarted with a task that comes back.
  function accompany(supervised: SupervisedTask, delayMs: number): void {
    const all = [...tasks.values()];
    const others = {
      one_for_one: [],
      rest_for_one: all.slice(all.indexOf(supervised) + 1),
      one_for_all: all.filter((other) => other !== supervised),
    }[options.strategy];
    for (const other of others)
      if (hasProcess(other.standing.state) && !other.standing.life.requested)
        other.accompany(delayMs, `${options.strategy} with ${supervised.task.id}`);
  }

  // Triggers follow once the event they come from is done with, and its announcement out; then we see what is left.
  function settleSoon(): void {
    if (isSettling) return;
    isSettling = true;
    setImmediate(() => {
      try {
        followTriggers();
        advanceStops();
      } finally {
        isSettling = false;
      }
      settle();
    });
  }

  // An order that comes meanwhile finds their consequences in place: a stop must not be followed by what it cuts short.
  function followTriggers(): void {
    for (let next = fired.shift(); next !== undefined; next = fired.shift()) next();
  }

  function settle(): void {
    reportEssential();
    const states = [...tasks.values()].map(({ standing }) => standing.state);
    // Who is blocked while nobody else is under way waits in vain, but for a new command.
    if (fired.length > 0 || !states.every((state) => isAtRest(state) || state === "blocked")) return;
    observer.onQuiet(states.every((state) => state !== "defined" && state !== "blocked"));
  }

  function reportEssential(): void {
    for (const supervised of essential) {
      const { state, life } = supervised.standing;
      essential.delete(supervised);
      if ((state === "failed" || state === "exited") && !life.requested) observer.onEssentialEnd(supervised);
    }
  }

  function stopInOrder(ids: readonly string[], cause: string): void {
    // Who was told before is told again: a trigger may have started it since.
    for (const serviceId of ids) stops.set(serviceId, { cause, isTold: false });
    advanceStops();
    for (const [serviceId, stop] of stops) if (!stop.isTold) tasks.get(serviceId)?.stopSoon(stop.cause);
  }

  // Whoever needs another is gone before that is stopped, a level at a time.
  function advanceStops(): void {
    for (const [serviceId, stop] of stops) {
      const { state, life } = (tasks.get(serviceId) as SupervisedTask).standing;
      // Whoever runs again by a trigger is nobody to wait for.
      if (stop.isTold && !(hasProcess(state) && life.requested)) stops.delete(serviceId);
    }
    const toStop = new Set(stops.keys());
    const states = view();
    for (const [serviceId, stop] of stops) {
      if (stop.isTold || !mayStop(serviceId, toStop, states)) continue;
      stop.isTold = true;
      tasks.get(serviceId)?.stop(stop.cause);
    }
  }

  function obey(order: Order): void {
    const supervised = adopt(order.task);
    const isNew = supervised.task !== order.task;
    supervised.obey(order);
    if (isNew) observer.onDefined(supervised);
  }

  function trigger(supervised: SupervisedTask, event: TriggerEvent, run: number): void {
    const reach = {
      contextId: options.contextId,
      present: [...tasks.keys()],
      isKnown: (id: string) => find(id) !== undefined,
    };
    const consequence = consequenceOf(supervised.task, event, reach);
    if (consequence === undefined) return;
    observer.onTriggered(supervised, event, consequence);
    const cause = `${event} of ${supervised.task.id}`;
    const { action } = consequence;
    if (action === "exit") return stop(cause);
    const called = consequence.serviceIds.map((serviceId) => adopt(find(serviceId) as TaskServiceConfig));
    if (action === "stop")
      return stopInOrder(
        called.map(({ task }) => task.id),
        cause,
      );
    for (const other of called) other.follow(action, { cause, ...(other === supervised ? { ownRun: run } : {}) });
  }

  function find(serviceId: string): TaskServiceConfig | undefined {
    return tasks.get(serviceId)?.task ?? ownTasks.find((task) => task.id === serviceId);
  }

  function stop(cause: string): void {
    followTriggers();
    stopInOrder([...tasks.keys()], cause);
  }

  function view(): TransactionView {
    return new Map([...tasks].map(([serviceId, { task, standing }]) => [serviceId, { task, state: standing.state }]));
  }

  return {
    id,
    get view() {
      return view();
    },
    // A stop is also for whom a trigger is to start.
    catchUp: followTriggers,
    get tasks() {
      return tasks.values();
    },
    get record() {
      return {
        configuration: options.configuration,
        contextId: options.contextId,
        contextLogName: options.logName,
        contextName,
        tasks: [...tasks.values()].map(({ record }) => record),
      };
    },
    obey(orders) {
      followTriggers();
      for (const order of orders.filter(({ action }) => action !== "stop")) {
        stops.delete(order.task.id);
        obey(order);
      }
      const toStop = orders.filter(({ action }) => action === "stop").map(({ task }) => adopt(task).task.id);
      stopInOrder(toStop, COMMAND);
    },
    seen: (serviceId, look) => tasks.get(serviceId)?.seen(look),
    resume(task, past) {
      adopt(task, past);
      settleSoon();
    },
    note: (message) => tasks.get(message.header.serviceId)?.note(message),
    stop: () => stop(COMMAND),
  };
}
