// A provider in the process of the test, with a context file of the test's own, and a client that asks it.
import { fileURLToPath } from "node:url";
import { parseContextConfig, type ServiceType } from "../../src/config/context-config.ts";
import { type ContextClient, connectContext } from "../../src/context/client/client.ts";
import { type Provider, type ProviderOptions, startProvider } from "../../src/context/provider/provider.ts";
import type { Log, LogFields } from "../../src/log.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { isObject } from "../../src/protocol/json.ts";
import type { ControlMessage, Message } from "../../src/protocol/message.ts";
import type { TaskRecord } from "../../src/protocol/task-record.ts";
import { BOUND_MS, PATIENT } from "./bound.ts";
import { type Folder, makeFolder } from "./folder.ts";
import { type Ear, listen } from "./link.ts";
import { awaitEvents, type Recording } from "./recording.ts";

/** Task services of the tests. */
export const SERVICES = fileURLToPath(new URL("../fixtures/services", import.meta.url));

/** A task service of a context file; what is left out is as in most files. */
export interface TaskXml {
  id: string;
  instance: string;
  /** Its name in messages. Default: `service_` and its id. */
  serviceName?: string;
  serviceType?: ServiceType;
  /** What an Executable runs, and when it counts as started. */
  command?: string;
  arguments?: readonly string[];
  readyAfterS?: number;
  /** How many tasks it stands for. */
  instances?: number;
  entry?: string;
  /** Elements of `<configuration>`. */
  configuration?: string;
  /** Attributes of its `<Supervision>`. */
  supervision?: Attributes;
  /** By event, a verb and the tasks that it calls: `{ on_fail: "restart ts_1" }`. */
  triggers?: { [event: string]: string };
}

export interface Attributes {
  [name: string]: string | number;
}

/** A task service that is a program: these words of a shell. */
export function shell(id: string, text: string) {
  return {
    ...{ id, instance: "Program", serviceType: "Executable" as const },
    ...{ command: "sh", arguments: ["-c", text] },
  };
}

/** The text of a context file; its ports are the system's choice. */
export function contextXml(tasks: readonly TaskXml[], supervision?: Attributes): string {
  const endpoints = ["FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind"];
  return `<Context>
    ${endpoints.map((name) => `<${name}>tcp://127.0.0.1:*</${name}>`).join("")}
    <ContextID>context001</ContextID>
    <TaskLogName>Test</TaskLogName>
    ${supervisionXml(supervision)}
    ${tasks.map(taskXml).join("\n")}
  </Context>`;
}

function taskXml({ id, instance, serviceType = "Process", entry = "on_start", ...rest }: TaskXml): string {
  const { command = [], arguments: words = [], readyAfterS = [] } = rest;
  const parts = Object.entries({ command, argument: words, ready_after_s: readyAfterS });
  const { configuration = "<device_action>test</device_action>", triggers = {}, supervision } = rest;
  const called = Object.entries(triggers).map(([event, trigger]) => {
    const [action, ...call] = trigger.split(" ");
    return `<${event}><action>${action}</action><call>${call.join(" ")}</call></${event}>`;
  });
  const many = rest.instances === undefined ? "" : `instances="${rest.instances}"`;
  return `<TaskService id="${id}" ${many} topic="process" instance="${instance}" serviceType="${serviceType}">
    ${parts.map(([name, texts]) => elements(name, texts)).join("")}
    ${supervisionXml(supervision)}
    <Task>
      <description>${instance}</description>
      <message>
        <header><action>start</action><service_name>${rest.serviceName ?? `service_${id}`}</service_name></header>
        <content><configuration>${configuration}</configuration></content>
      </message>
      <state type="${entry}">${called.join("")}</state>
    </Task>
  </TaskService>`;
}

function supervisionXml(attributes: Attributes | undefined): string {
  if (attributes === undefined) return "";
  const escaped = (value: string | number) =>
    String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return `<Supervision ${Object.entries(attributes)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(" ")}/>`;
}

function elements(name: string, texts: string | number | readonly string[]): string {
  const escaped = [texts].flat().map((text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
  return escaped.map((text) => `<${name}>${text}</${name}>`).join("");
}

export interface LogLine extends LogFields {
  phrase: string;
}

/** A log that keeps what it is told. */
export function recordLog(): Log & { lines: Recording<LogLine> } {
  const lines = awaitEvents<LogLine>("log of the provider", (line) => JSON.stringify(line));
  const add = (fields: LogFields, phrase: string) => lines.add({ ...fields, phrase });
  return { lines, debug: add, info: add, warn: add, error: add };
}

export interface RunningContext extends AsyncDisposable {
  readonly provider: Provider;
  readonly endpoints: Endpoints;
  readonly client: ContextClient;
  /** What was said on `control`. */
  readonly heard: Ear["heard"];
  readonly log: Recording<LogLine>;
  readonly folder: Folder;
  /** Starts a transaction and resolves when its tasks have started, or one has failed. */
  start(transaction: string): Promise<TaskRecord[]>;
  /** Stops it, or some of its tasks, and resolves when they are gone. */
  stop(transaction: string, ...ids: string[]): Promise<TaskRecord[]>;
  /** Resolves when the task is in this state, now or later. */
  untilState(transaction: string, id: string, state: TaskRecord["lifecycle"]): Promise<TaskRecord>;
  /** Resolves with the first announcement of this kind about the task. */
  untilSaid(id: string, action: string): Promise<ControlMessage>;
}

const nothingToWatch = { top: async () => [], entries: async () => [], async [Symbol.asyncDispose]() {} };

/** Runs a context of these tasks; services of its own folder come before those of the tests. */
export async function runContext(
  tasks: readonly TaskXml[],
  { supervision, ...options }: { supervision?: Attributes } & Partial<ProviderOptions> = {},
): Promise<RunningContext> {
  const folder = await makeFolder();
  const text = contextXml(tasks, supervision);
  const file = await folder.write("Context-Test.xml", text);
  const log = recordLog();
  const provider = await startProvider({
    config: parseContextConfig(text),
    file,
    servicesRoots: [folder.at("services"), SERVICES],
    watch: () => nothingToWatch,
    log,
    ...options,
  });
  const { endpoints } = provider;
  const client = await connectContext(endpoints, PATIENT);
  const ear = await listen(endpoints, "control");

  return {
    provider,
    endpoints,
    client,
    heard: ear.heard,
    log: log.lines,
    folder,
    async start(transaction) {
      return (await client.command({ action: "start", transaction })).settled(BOUND_MS);
    },
    async stop(transaction, ...ids) {
      const configuration = ids.length === 0 ? {} : { TaskService: ids.map((id) => ({ id })) };
      return (await client.command({ action: "stop", transaction, configuration })).settled(BOUND_MS);
    },
    async untilState(transaction, id, state) {
      const find = (message: Message) => recordIn(message, transaction, id);
      const told = await ear.heard.first((message) => find(message)?.lifecycle === state, {
        what: `${id} ${state}`,
      });
      return find(told) as TaskRecord;
    },
    untilSaid: (id, action) =>
      ear.heard.first(({ header }) => header.serviceId === id && header.action === action, {
        what: `${action} of ${id}`,
      }) as Promise<ControlMessage>,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await ear[Symbol.asyncDispose]();
      await provider.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A task as `context_info` shows it. */
function recordIn(message: Message, transaction: string, id: string): TaskRecord | undefined {
  if (message.kind !== "control" || !Array.isArray(message.status.data)) return undefined;
  for (const entry of message.status.data) {
    const shown = isObject(entry) ? entry[transaction] : undefined;
    if (isObject(shown)) return (shown.tasks as TaskRecord[]).find(({ service_id }) => service_id === id);
  }
  return undefined;
}
