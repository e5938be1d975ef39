// Plans the context file: a new one, or the existing one with the tasks that it lacks.
import { dirname, join } from "node:path";
import { quoteWord } from "../config/command.ts";
import { type ContextConfig, parseContextConfig, TRIGGER_EVENTS, type Trigger } from "../config/context-config.ts";
import type { ListedService, ServiceList } from "../config/service-list/service-list.ts";
import { ZcontextError } from "../errors.ts";
import { addTaskServices } from "./context-update.ts";
import type { ServiceMatch } from "./existing-service.ts";
import { type Placed, pathFrom } from "./layout.ts";
import type { PlanInput, PlannedFile } from "./planned-file.ts";
import type { Templates } from "./render.ts";

export interface PlannedContext {
  file: PlannedFile;
  /** The file's model after the change. */
  context: ContextConfig;
  warnings: string[];
}

/** @throws {ZcontextError} `ERR_CONFIG_INVALID` for a file with problems, `ERR_TEMPLATE_INVALID`. */
export function planContext(
  list: ServiceList,
  services: readonly (Placed & { match: ServiceMatch })[],
  path: string,
  { present, templates }: PlanInput,
): PlannedContext {
  const before = present(path);
  const missing = services.filter(({ match }) => match.kind === "new");
  const left = services.filter(({ match }) => match.kind !== "new");
  const { after, context } = build(missing, { list, path, before, templates });
  const notes = [
    ...(before !== undefined && missing.length > 0 ? [`${idsOf(missing)} added`] : []),
    ...(left.length > 0 ? [`${idsOf(left)} already defined, left alone`] : []),
  ];
  const fate = before === undefined ? "created" : missing.length > 0 ? "updated" : "unchanged";
  return {
    file: { path, before, after, fate, note: notes.join("; ") },
    context,
    warnings: [
      ...left.flatMap(({ service, match }) =>
        match.kind === "conflict" ? [match.reason] : differencesOf(service, context, path),
      ),
      ...disagreements(list, context, path),
      ...(before === undefined ? publicWarnings(list) : []),
    ],
  };
}

function idsOf(services: readonly Placed[]): string {
  return services.map(({ service }) => service.id).join(", ");
}

/** What a context file is built from. */
interface Building {
  list: ServiceList;
  path: string;
  before: string | undefined;
  templates: Templates;
}

/** The new text and its model. */
function build(missing: readonly Placed[], building: Building): { after: string; context: ContextConfig } {
  const { list, path, before, templates } = building;
  const text = before ?? templates.render("context.xml.hbs", list);
  const additions = missing.map((placed) => renderTask(placed, dirname(path), templates));
  try {
    const after = addTaskServices(text, additions);
    const context = parseContextConfig(after, { file: path });
    const lost = missing.filter(({ service }) => !context.tasks.some(({ id }) => id === service.id));
    if (lost.length > 0) throw new ZcontextError("ERR_CONFIG_INVALID", `${lost[0]?.service.id} is not in it`);
    return { after, context };
  } catch (error) {
    throw blamed(error as ZcontextError, building);
  }
}

/** The error to throw: it names the user's templates where those are at fault, which they are when the file itself is valid. */
function blamed(error: ZcontextError, { before, templates }: Building): ZcontextError {
  const used =
    before === undefined ? (["context.xml.hbs", "task-service.xml.hbs"] as const) : (["task-service.xml.hbs"] as const);
  const own = used.filter(templates.isOwn);
  if (own.length === 0 || (before !== undefined && !isContext(before))) return error;
  const { message, details } = error;
  const reason = `what ${own.join(" and ")} would write is no context: ${message}`;
  return new ZcontextError("ERR_TEMPLATE_INVALID", reason, { details });
}

function isContext(text: string): boolean {
  try {
    parseContextConfig(text);
    return true;
  } catch {
    return false;
  }
}

/** After how many seconds a Python service counts as ready, unless it has announced that before. */
const PYTHON_READY_S = 30;

function renderTask({ service, place }: Placed, conf: string, templates: Templates): string {
  const path = pathFrom(conf, join(place.folder, `Service${service.name}.py`));
  // With ./ in front, so that no folder's name can be taken for an option of Python.
  const program = path.startsWith(".") ? path : `./${path}`;
  const isPython = service.language === "python";
  return templates.render("task-service.xml.hbs", {
    ...service,
    serviceType: isPython ? "Executable" : "Process",
    command: isPython ? { line: `python3 ${quoteWord(program)}`, readyAfterSeconds: PYTHON_READY_S } : undefined,
    location: isPython ? undefined : place.location,
    triggers: TRIGGER_EVENTS.map((event) => {
      const { action = "", call = [] } = service.triggers[event] ?? {};
      return { event, action, call: call.join(", ") };
    }),
  });
}

/** A warning for each value of the description that differs from the file; the file's values are kept. */
function disagreements(list: ServiceList, context: ContextConfig, path: string): string[] {
  return kept(path, [
    ["context_id", list.contextId, context.contextId],
    ["context_name", list.contextName, context.logName],
    ["the endpoint of senders", list.endpoints.publish, context.endpoints.publish],
    ["the endpoint of listeners", list.endpoints.subscribe, context.endpoints.subscribe],
  ]);
}

/** The same for a task that the file has already. */
function differencesOf(service: ListedService, { tasks }: ContextConfig, path: string): string[] {
  const task = tasks.find(({ id }) => id === service.id);
  if (task === undefined) return [];
  const of = (what: string) => `${what} of ${service.id}`;
  return kept(path, [
    [of("task_desc"), service.description, task.description],
    [of("service_name"), service.serviceName, task.serviceName],
    [of("task_topic"), service.topic, task.topic],
    [of("device_action"), service.deviceAction, String(task.configuration.device_action ?? "")],
    [of("entry_action"), service.entry, task.entry],
    ...TRIGGER_EVENTS.map(
      (event): Said => [of(event), inWords(service.triggers[event]), inWords(task.triggers[event])],
    ),
  ]);
}

type Said = [what: string, wanted: string, has: string];

function kept(path: string, said: readonly Said[]): string[] {
  return said
    .filter(([, wanted, has]) => wanted !== has)
    .map(([what, wanted, has]) => `${path} keeps ${shown(has)} as ${what}; ${shown(wanted)} was given`);
}

function inWords(trigger: Trigger | undefined): string {
  return trigger === undefined ? "" : `${trigger.action} ${trigger.call.join(", ")}`;
}

function shown(value: string): string {
  if (value === "") return "none";
  return /^[\w.:/*-]+$/.test(value) ? value : JSON.stringify(value);
}

function publicWarnings({ endpoints, binds }: ServiceList): string[] {
  if (!binds.publish.startsWith("tcp://*")) return [];
  return [`a provider serves its own machine only and will refuse ${endpoints.publish}; use 127.0.0.1 as server_ip`];
}
