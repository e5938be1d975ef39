// The other services of a rehearsal: a bus in memory, what the task says on it, and a stage on which a test says something
// to the task.
import { ZcontextError } from "../../errors.ts";
import type { Engine, Verdict } from "../../messaging/contract/engine.ts";
import { createMemoryBroker, type MemoryBroker } from "../../messaging/engines/memory/memory-engine.ts";
import { EventBus } from "../../messaging/event-bus.ts";
import type { CallOptions } from "../../messaging/index.ts";
import type { Json, TaskScope } from "../contract/task.ts";
import { type ActionSender, createActionSender, OUTSIDE } from "../handlers/action-call.ts";
import { actionOf } from "../handlers/declared.ts";

/** What a task has said on its bus. */
export interface Said {
  /** Events. */
  emitted: { name: string; content: Json; context: Json }[];
  /** Calls of methods. */
  called: { name: string; params: Json }[];
  /** Actions that it has submitted or asked for. */
  submitted: { destination: string; action: string; message: Json }[];
  /** Signals of `scope.bus.publish`. */
  signals: { topic: string; content: Json }[];
}

/** What a test says to the task, as another service called `stage`. */
export interface Stage {
  /**
   * Emits an event, and resolves when the task has settled it: with `ack`, `again` (it failed and would be tried again),
   * `drop`, or `dead` and the reason.
   *
   * @throws {ZcontextError} `ERR_EVENT_UNROUTED` where the task does not listen to it.
   */
  emit(name: string, event: { content: Json; context?: Json }): Promise<Verdict>;
  /** Calls a method of the task, by its name without the service. @throws {CallError} What the method throws. */
  call<Result = Json>(method: string, params?: Json, options?: CallOptions): Promise<Result>;
  /** Runs an action of the task, and resolves with what it returns. @throws {CallError} What the action throws. */
  ask<Answer = Json>(action: string, message?: Json): Promise<Answer>;
  /** Submits an action to the task; it has ended when the rehearsal is over. */
  submitAction(action: string, message?: Json): Promise<{ delivered: number }>;
  /**
   * Gives the task a message of a queue that it consumes, and resolves when it was handled.
   *
   * @throws What the handler throws, and {ZcontextError} `ERR_QUEUE_NAME` for a queue that the task does not consume.
   */
  send(queue: string, message: Json): Promise<void>;
  /** For all else that another service does. */
  readonly bus: EventBus;
}

type About = Pick<TaskScope<unknown>, "serviceName" | "serviceId" | "transaction" | "contextId">;

export interface RehearsalBus {
  said: Said;
  /** The bus of the task. */
  connect(onHandlerError: (error: unknown, what: string) => void): Promise<EventBus>;
  /** The bus of another service. */
  connectOther(service: string): Promise<EventBus>;
  stage(send: Stage["send"]): Promise<Stage>;
  /** A test that waits on the stage is told that the task has ended. */
  end(): Promise<void>;
}

const STAGE = "stage";

export function createRehearsalBus({ serviceName, serviceId, transaction, contextId }: About): RehearsalBus {
  // Made when it is first needed: it keeps a timer.
  let broker: MemoryBroker | undefined;
  const said: Said = { emitted: [], called: [], submitted: [], signals: [] };
  const settled = createSettled();
  const buses: EventBus[] = [];

  async function open(service: string, watch: (engine: Engine) => Engine, options: object = {}): Promise<EventBus> {
    // Work that goes on after the end would have ended with its process: it never wakes.
    if (settled.isOver()) await new Promise(() => {});
    broker ??= createMemoryBroker();
    const src = `${contextId}/${service}/${service === serviceName ? serviceId : service}`;
    const bus = new EventBus({ engine: watch(await broker.connect(src)), src, ...options });
    buses.push(bus);
    return bus;
  }

  async function stage(send: Stage["send"]): Promise<Stage> {
    const bus = await open(STAGE, (engine) => engine);
    const sender = createActionSender(async () => bus, { serviceName: STAGE, transaction }, { warn: () => {} });
    return {
      ...{ bus, send },
      async emit(name, event) {
        if (!settled.listened.has(name)) throw unrouted(name, settled.listened);
        const { id } = await bus.emit(name, event);
        return settled.verdictOn(id);
      },
      call: (method, params, options) => bus.call(`${serviceName}.${method}`, params, options),
      ask: (action, message) => sender.ask(serviceName, action, message),
      submitAction: (action, message) => sender.submitAction(serviceName, action, message),
    };
  }

  return {
    said,
    connect: (onHandlerError) => open(serviceName, (engine) => watched(engine, said, settled), { onHandlerError }),
    connectOther: (service) => open(service, (engine) => engine),
    stage,
    async end() {
      settled.end();
      await Promise.all(buses.map((bus) => bus.close()));
      await broker?.[Symbol.asyncDispose]();
    },
  };
}

/** What has become of the events that were given to the task. */
function createSettled() {
  const verdicts = new Map<string, Verdict>();
  const waiting = new Map<string, { resolve(verdict: Verdict): void; reject(error: Error): void }>();
  let isOver = false;
  const ended = () => new Error("the rehearsal is over, and the task has not settled the event");

  return {
    listened: new Set<string>(),
    isOver: () => isOver,
    settle(id: string, verdict: Verdict): void {
      verdicts.set(id, verdict);
      waiting.get(id)?.resolve(verdict);
    },
    verdictOn(id: string): Promise<Verdict> {
      return new Promise((resolve, reject) => {
        const verdict = verdicts.get(id);
        if (verdict !== undefined) resolve(verdict);
        else if (isOver) reject(ended());
        else waiting.set(id, { resolve, reject });
      });
    },
    end(): void {
      isOver = true;
      for (const { reject } of waiting.values()) reject(ended());
    },
  };
}

/** The engine of the task, which notes what it says and settles. */
function watched(engine: Engine, said: Said, settled: ReturnType<typeof createSettled>): Engine {
  const own: Engine = Object.create(engine);
  return Object.assign(own, {
    emit(...[event, options]: Parameters<Engine["emit"]>) {
      const { content, context } = JSON.parse(event.body.toString());
      if (!settled.isOver()) said.emitted.push({ name: event.name, content, context });
      return engine.emit(event, options);
    },
    publish(signal: Parameters<Engine["publish"]>[0]) {
      const content = JSON.parse(signal.body);
      if (!settled.isOver()) said.signals.push({ topic: signal.topic, content });
      engine.publish(signal);
    },
    call(...[call, signal]: Parameters<Engine["call"]>) {
      const { service, method, body } = call;
      const isAction = actionOf(method) !== undefined;
      if (!isAction && !settled.isOver())
        said.called.push({ name: `${service}.${method}`, params: JSON.parse(body.toString()) });
      return engine.call(call, signal);
    },
    listen(...[membership, handler]: Parameters<Engine["listen"]>) {
      settled.listened.add(membership.name);
      return engine.listen(membership, (delivery) =>
        handler({
          ...delivery,
          get taken() {
            return delivery.taken;
          },
          settle(verdict) {
            delivery.settle(verdict);
            settled.settle(delivery.envelope.id, verdict);
          },
        }),
      );
    },
  });
}

/** The scope, which notes the actions that are sent from it. */
export function noteActions<Scope extends ActionSender>(scope: Scope, said: Said): Scope {
  const note = (destination: string, action: string, message: unknown) =>
    said.submitted.push({ destination, action, message: asReceived(message) });
  const noted: ActionSender = {
    async submitAction(destination, action, message) {
      note(destination, action, message);
      return scope.submitAction(destination, action, message);
    },
    async ask(destination, action, message, options) {
      note(destination, action, message);
      return scope.ask(destination, action, message, options);
    },
    async submitMessage(message) {
      note(OUTSIDE.service, OUTSIDE.action, message);
      return scope.submitMessage(message);
    },
  };
  return { ...scope, ...noted };
}

/** A message as its receiver gets it; null where it can't be sent at all. */
function asReceived(message: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(message ?? null));
  } catch {
    return null;
  }
}

function unrouted(name: string, listened: ReadonlySet<string>): ZcontextError {
  const known = [...listened].join(", ") || "no event";
  return new ZcontextError("ERR_EVENT_UNROUTED", `the task does not listen to ${name}; it listens to ${known}`);
}
