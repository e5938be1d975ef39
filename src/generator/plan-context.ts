// The context file of a plan: a new one, or the one that is there with the tasks it lacks.
import { dirname, join } from "node:path";
import { quoteWord } from "../config/command.ts";
import { type ContextConfig, parseContextConfig, TRIGGER_EVENTS } from "../config/context-config.ts";
import type { ExistingContext, ListedService, ServiceList } from "../config/service-list.ts";
import { ContextError } from "../errors.ts";
import { addTaskServices, readExisting } from "./context-update.ts";
import { pathFrom, type ServicePlace } from "./layout.ts";
import type { Means, PlannedFile } from "./planned-file.ts";
import type { Templates } from "./render.ts";

/** A service, and where its code goes. */
export interface Placed {
  service: ListedService;
  place: ServicePlace;
}

export interface PlannedContext {
  file: PlannedFile;
  /** What the file will say. */
  context: ContextConfig;
  warnings: string[];
}

/** @throws {ContextError} `ERR_CONFIG_INVALID` for a file with problems, `ERR_TEMPLATE_INVALID`. */
export function planContext(
  list: ServiceList,
  services: readonly Placed[],
  path: string,
  { present, templates }: Means,
): PlannedContext {
  const before = present(path);
  const there = before === undefined ? [] : readExisting(before, path).tasks;
  const missing = services.filter(({ service }) => twinOf(service, there) === undefined);
  const left = services.map(({ service }) => service).filter((service) => twinOf(service, there) !== undefined);
  const { after, context } = build(missing, { list, path, before, templates });
  const added = missing.map(({ service }) => service.id).join(", ");
  const notes = [
    ...(before !== undefined && added !== "" ? [`${added} added`] : []),
    ...(left.length > 0 ? [`${left.map(({ id }) => id).join(", ")} already defined, left alone`] : []),
  ];
  const fate = before === undefined ? "created" : missing.length > 0 ? "updated" : "unchanged";
  return {
    file: { path, before, after, fate, note: notes.join("; ") },
    context,
    warnings: [
      ...left.flatMap((service) => mixUpOf(service, there, path)),
      ...disagreements(list, context, path),
      ...publicWarnings(list),
    ],
  };
}

type Defined = ExistingContext["tasks"];

/** The task of a context that has the id or the code of a service. */
function twinOf({ id, name }: ListedService, there: Defined): Defined[number] | undefined {
  return there.find((task) => task.id === id || task.instance === name);
}

/** One that has the id and other code, or the code and another id, may be no twin but a stranger. */
function mixUpOf(service: ListedService, there: Defined, path: string): string[] {
  const twin = twinOf(service, there);
  if (twin === undefined || (twin.id === service.id && twin.instance === service.name)) return [];
  return [
    `${path} has ${twin.id} with the instance ${twin.instance}, so ${service.id} with ${service.name} was not added to it`,
  ];
}

/** What a context is made from. */
interface Building {
  list: ServiceList;
  path: string;
  before: string | undefined;
  templates: Templates;
}

/** The new text, and what it says. */
function build(missing: readonly Placed[], building: Building): { after: string; context: ContextConfig } {
  const { list, path, before, templates } = building;
  const text = before ?? templates.render("context.xml.hbs", list);
  const additions = missing.map((placed) => renderTask(placed, dirname(path), templates));
  try {
    const after = addTaskServices(text, additions);
    const context = parseContextConfig(after, { file: path });
    const lost = missing.filter(({ service }) => !context.tasks.some(({ id }) => id === service.id));
    if (lost.length > 0) throw new ContextError("ERR_CONFIG_INVALID", `${lost[0]?.service.id} is not in it`);
    return { after, context };
  } catch (error) {
    throw blamed(error as ContextError, building);
  }
}

/** What is wrong is the fault of the file where that has problems by itself, and else of a template that is not ours. */
function blamed(error: ContextError, { before, templates }: Building): ContextError {
  const used =
    before === undefined ? (["context.xml.hbs", "task-service.xml.hbs"] as const) : (["task-service.xml.hbs"] as const);
  const own = used.filter(templates.isOwn);
  if (own.length === 0 || (before !== undefined && !isContext(before))) return error;
  const { message, details } = error;
  const reason = `what ${own.join(" and ")} would write is no context: ${message}`;
  return new ContextError("ERR_TEMPLATE_INVALID", reason, { details });
}

function isContext(text: string): boolean {
  try {
    return parseContextConfig(text) !== undefined;
  } catch {
    return false;
  }
}

/** How long a Python service may take to say that it has started, in seconds; from then on it counts as started. */
const PYTHON_READY_S = 30;

function renderTask({ service, place }: Placed, conf: string, templates: Templates): string {
  const program = pathFrom(conf, join(place.folder, `Service${service.name}.py`));
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

/** What the new description says otherwise than the file; the file's own values stay. */
function disagreements(list: ServiceList, context: ContextConfig, path: string): string[] {
  const said: [what: string, wanted: string, has: string][] = [
    ["context_id", list.contextId, context.contextId],
    ["context_name", list.contextName, context.logName],
    ["the endpoint of senders", list.endpoints.publish, context.endpoints.publish],
    ["the endpoint of listeners", list.endpoints.subscribe, context.endpoints.subscribe],
  ];
  return said
    .filter(([, wanted, has]) => wanted !== has)
    .map(([what, wanted, has]) => `${path} keeps ${has || "none"} as ${what}; ${wanted} was given`);
}

function publicWarnings({ endpoints, binds }: ServiceList): string[] {
  if (!binds.publish.startsWith("tcp://*")) return [];
  return [`a provider serves its own machine only and will refuse ${endpoints.publish}; use 127.0.0.1 as server_ip`];
}
