// Messages as the original's conf_command builds them, and a conversation about one transaction that is held in them.
import { randomUUID } from "node:crypto";
import { isObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import type { Heard, PythonClient } from "./python-client.ts";

export const CONTEXT_ID = "context001";

/** A task of a context file, as far as a test cares. */
export interface Task {
  id: string;
  instance: string;
  /** `state type`; `on_start` when not given. */
  entry?: string;
  configuration?: JsonObject;
  /** `on_exit: ["start", "ts002"]`: the verb and the call. */
  triggers?: { [event: string]: [action: string, call: string] };
}

/** The command's own header; everything but the transaction has the original's usual value. */
export interface CommandHeader {
  action: string;
  service_id?: string;
  service_name?: string;
  [extra: string]: Json | undefined;
}

/** `--use_file`: a list of complete entries. */
export function listOf(tasks: readonly Task[], header: { action: string; transaction: string }): JsonObject {
  return configurationOf(tasks.map((task) => entryOf(task, { ...header, service_id: task.id })));
}

/** Without `--use_file`: the file as it was parsed, a single task being no list. */
export function asParsed(tasks: readonly Task[]): JsonObject {
  const entries = tasks.map((task) => entryOf(task, { action: "start" }));
  return configurationOf(entries.length === 1 ? (entries[0] as JsonObject) : entries);
}

function configurationOf(entries: Json): JsonObject {
  return {
    BackendBind: "tcp://*:5556",
    BackendEndpoint: "tcp://127.0.0.1:5557",
    ContextID: CONTEXT_ID,
    FrontBind: "tcp://*:5557",
    FrontEndEndpoint: "tcp://127.0.0.1:5556",
    TaskLogName: "OldClients",
    TaskService: entries,
  };
}

/** One `TaskService`: an entry of a command, and the whole body of a `process` message. */
export function entryOf(task: Task, header: JsonObject): JsonObject {
  const trigger = (event: string) => {
    const [action, call] = task.triggers?.[event] ?? ["", ""];
    return { action, call };
  };
  return {
    Task: {
      description: `${task.instance} as ${task.id}`,
      message: {
        content: { configuration: { device_action: `da_${task.id}`, ...task.configuration } },
        header: { ...header, service_name: serviceNameOf(task) },
      },
      state: {
        on_exit: trigger("on_exit"),
        on_fail: trigger("on_fail"),
        on_start: trigger("on_start"),
        on_update: trigger("on_update"),
        type: task.entry ?? "on_start",
      },
    },
    id: task.id,
    instance: task.instance,
    serviceType: "Process",
    topic: "process",
  };
}

export function serviceNameOf({ id }: Pick<Task, "id">): string {
  return `name_${id}`;
}

/** What a message is to look like; the fields that are left out may be anything. */
export type Pattern = Partial<Pick<Heard, "topic" | "action" | "serviceId">> & {
  requestId?: string;
  where?: (heard: Heard) => boolean;
  /** Only what was heard after this. */
  after?: Heard;
};

/** What is said about one transaction; nothing of it runs any more when it is disposed of. */
export interface Talk extends AsyncDisposable {
  readonly transaction: string;
  /** All that was heard about it, in order. */
  readonly heard: Heard[];
  /** Resolves with the first message that fits, already heard or to come. */
  hears(pattern: Pattern): Promise<Heard>;
  /** Sends a command for the transaction; `configuration` is left out where it is undefined. */
  command(header: CommandHeader, configuration?: JsonObject): void;
  /** Commands, and resolves with the provider's answer: its `context_info`, or its refusal. */
  ask(header: CommandHeader, configuration?: JsonObject): Promise<Heard>;
  /** Starts tasks with a message in list form, and resolves with the `started` of those that run at once. */
  start(...tasks: Task[]): Promise<Heard[]>;
  /** Sends a command to one task on `process`. */
  process(task: Task, action: string, header?: JsonObject): void;
  /** Announces something on `control` in the name of a task, as an old task does. */
  announce(task: Pick<Task, "id">, action: string, items?: JsonObject): void;
  /** Asks on `state`, and resolves with the reply. */
  request(action?: "request" | "top", header?: JsonObject, configuration?: JsonObject): Promise<Heard>;
  /** Stops every task, and resolves when the transaction is over. */
  end(): Promise<void>;
}

/** Begins a conversation about a transaction that has not been used before. */
export function talkAbout(client: PythonClient, transaction = newTransaction()): Talk {
  const isOurs = (heard: Heard) => heard.transaction === transaction;

  const hears = ({ topic, action, serviceId, requestId, where = () => true, after }: Pattern) =>
    client.heard.first(
      (heard) =>
        isOurs(heard) &&
        (topic ?? heard.topic) === heard.topic &&
        (action ?? heard.action) === heard.action &&
        (serviceId ?? heard.serviceId) === heard.serviceId &&
        (requestId ?? heard.header.request_id) === heard.header.request_id &&
        where(heard),
      {
        from: after === undefined ? 0 : after.index + 1,
        what: `${[topic, action, serviceId].join(" ")} in ${transaction}`,
      },
    );

  function command(header: CommandHeader, configuration?: JsonObject): void {
    client.say("context", {
      content: configuration === undefined ? {} : { configuration },
      header: { service_id: CONTEXT_ID, service_name: "context", service_transaction: transaction, ...header },
    });
  }

  function ask(header: CommandHeader, configuration?: JsonObject): Promise<Heard> {
    const requestId = randomUUID();
    command({ ...header, request_id: requestId }, configuration);
    return hears({ topic: "control", requestId });
  }

  return {
    transaction,
    get heard() {
      return client.heard.all.filter(isOurs);
    },
    hears,
    command,
    ask,
    start(...tasks) {
      command({ action: "start" }, listOf(tasks, { action: "start", transaction }));
      const atOnce = tasks.filter(({ entry = "on_start" }) => entry === "on_start" || entry === "start_now");
      return Promise.all(atOnce.map(({ id }) => hears({ topic: "control", action: "started", serviceId: id })));
    },
    process(task, action, header = {}) {
      client.say("process", entryOf(task, { action, service_id: task.id, transaction, ...header }));
    },
    announce({ id }, action, items = {}) {
      client.say("control", {
        content: { status: { device_action: `da_${id}`, result: "success", ...items } },
        header: { action, service_id: id, service_name: serviceNameOf({ id }), service_transaction: transaction },
      });
    },
    request(action = "request", header = {}, configuration = {}) {
      const requestId = randomUUID();
      client.say("state", {
        content: { configuration },
        header: {
          action,
          request_id: requestId,
          service_id: "",
          service_name: "state",
          service_transaction: transaction,
          ...header,
        },
      });
      return hears({ requestId, action: action === "top" ? "reply_top" : "reply_context" });
    },
    end,
    [Symbol.asyncDispose]: end,
  };

  async function end(): Promise<void> {
    const answer = await ask({ action: "stop" });
    if (answer.action !== "refused") await hears({ action: "ended", after: answer });
  }
}

/** The record of a task that a `context_info` carries about its own transaction. */
export function recordsIn({ transaction, status }: Heard): JsonObject[] {
  const data = (status.data ?? []) as JsonObject[];
  const own = data.find((entry) => transaction in entry)?.[transaction];
  return isObject(own) ? (own.tasks as JsonObject[]) : [];
}

function newTransaction(): string {
  return `T${randomUUID().replaceAll("-", "").slice(0, 19).toUpperCase()}`;
}
