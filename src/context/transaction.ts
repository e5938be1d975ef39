// The task services of one transaction: hands orders to them, follows their triggers, and knows when all is over.
import type { TaskServiceConfig, TriggerEvent } from "../config/context-config.ts";
import type { ControlMessage } from "../protocol/message.ts";
import type { Order, TransactionView } from "./dispatch.ts";
import { isAtRest, type LifecycleState, type Standing } from "./lifecycle.ts";
import type { TransactionRecord } from "./record.ts";
import { type Supervised, type Surroundings, supervise } from "./supervisor.ts";
import { type Consequence, consequenceOf } from "./triggers.ts";

/** What a transaction needs for its tasks, and whom it tells about them. */
export interface TransactionOptions
  extends Omit<
    Surroundings,
    "transaction" | "onRun" | "onFired" | "onSlowed" | "onChanged" | "onOutput" | "onGarbage" | "onIncident"
  > {
  /** The four addresses as the bus shows them. */
  configuration: TransactionRecord["configuration"];
  logName: string;
  /** Tasks of the provider's own file, which a trigger may name though nobody started them. */
  ownTasks: readonly TaskServiceConfig[];
  observer: TransactionObserver;
}

export interface TransactionObserver {
  /** A run has begun; announcements under this incarnation are its. */
  onRun(supervised: Supervised, incarnation: string): void;
  /** A task went from one state to another. */
  onMoved(supervised: Supervised, from: LifecycleState): void;
  /** What `context_info` shows may have changed. */
  onChanged(): void;
  onTriggered(supervised: Supervised, event: TriggerEvent, consequence: Consequence): void;
  onSlowed(supervised: Supervised): void;
  onOutput(supervised: Supervised, ...output: Parameters<Surroundings["onOutput"]>): void;
  onGarbage(supervised: Supervised, ...garbage: Parameters<Surroundings["onGarbage"]>): void;
  onIncident(supervised: Supervised, ...incident: Parameters<Surroundings["onIncident"]>): void;
  /** Nothing runs and nothing can follow but by a new command: all is over, or tasks still wait on demand. */
  onQuiet(isOver: boolean): void;
}

export interface Transaction {
  readonly id: string;
  readonly view: TransactionView;
  readonly tasks: Iterable<Supervised>;
  /** As `context_info` and `reply_context` show it. */
  readonly record: TransactionRecord;
  obey(orders: readonly Order[]): void;
  /** An announcement about one of the tasks from a peer that is none of ours. */
  note(message: ControlMessage): void;
  /** Stops every task; it is over when the last has gone. */
  stop(): void;
}

/** Opens a transaction without tasks; orders bring them. `contextName` is the service name of the first command. */
export function openTransaction(id: string, contextName: string, options: TransactionOptions): Transaction {
  const { observer, ownTasks } = options;
  const tasks = new Map<string, Supervised>();
  const fired: (() => void)[] = [];
  let isSettling = false;

  function adopt(task: TaskServiceConfig): Supervised {
    const known = tasks.get(task.id);
    if (known !== undefined) return known;
    const supervised: Supervised = supervise(task, {
      ...options,
      transaction: id,
      onRun: (incarnation) => observer.onRun(supervised, incarnation),
      onFired(event) {
        fired.push(() => trigger(supervised, event));
        settleSoon();
      },
      onSlowed: () => observer.onSlowed(supervised),
      onChanged(from) {
        changed(supervised, from);
        settleSoon();
      },
      onOutput: (...output) => observer.onOutput(supervised, ...output),
      onGarbage: (...garbage) => observer.onGarbage(supervised, ...garbage),
      onIncident: (...incident) => observer.onIncident(supervised, ...incident),
    });
    tasks.set(task.id, supervised);
    return supervised;
  }

  function changed(supervised: Supervised, from: Standing["state"]): void {
    if (supervised.standing.state !== from) observer.onMoved(supervised, from);
    observer.onChanged();
  }

  // Triggers follow once the event they come from is done with, and its announcement out; then we see what is left.
  function settleSoon(): void {
    if (isSettling) return;
    isSettling = true;
    setImmediate(() => {
      followTriggers();
      isSettling = false;
      settle();
    });
  }

  // An order that comes meanwhile finds their consequences in place: a stop must not be followed by what it cuts short.
  function followTriggers(): void {
    for (let next = fired.shift(); next !== undefined; next = fired.shift()) next();
  }

  function settle(): void {
    const standings = [...tasks.values()].map(({ standing }) => standing);
    if (fired.length > 0 || !standings.every(({ state }) => isAtRest(state))) return;
    observer.onQuiet(standings.every(({ state }) => state !== "defined"));
  }

  function trigger(supervised: Supervised, event: TriggerEvent): void {
    const reach = {
      contextId: options.contextId,
      present: [...tasks.keys()],
      isKnown: (id: string) => find(id) !== undefined,
    };
    const consequence = consequenceOf(supervised.task, event, reach);
    if (consequence === undefined) return;
    observer.onTriggered(supervised, event, consequence);
    if (consequence.action === "exit") return stop();
    for (const serviceId of consequence.serviceIds)
      adopt(find(serviceId) as TaskServiceConfig).follow(consequence.action);
  }

  function find(serviceId: string): TaskServiceConfig | undefined {
    return tasks.get(serviceId)?.task ?? ownTasks.find((task) => task.id === serviceId);
  }

  function stop(): void {
    followTriggers();
    for (const supervised of tasks.values()) supervised.obey({ task: supervised.task, action: "stop" });
  }

  return {
    id,
    get view() {
      return new Map([...tasks].map(([serviceId, { task, standing }]) => [serviceId, { task, state: standing.state }]));
    },
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
      for (const order of orders) adopt(order.task).obey(order);
    },
    note: (message) => tasks.get(message.header.serviceId)?.note(message),
    stop,
  };
}
