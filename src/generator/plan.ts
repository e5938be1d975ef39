// Decides which files to write, from the description and the files that exist. It reads nothing but templates and writes
// nothing, so a dry run is the same plan without the writing. Pure.
import { join } from "node:path";
import type { ContextConfig } from "../config/context-config.ts";
import type { Language, ListedService, ServiceList } from "../config/service-list/service-list.ts";
import { matchService } from "./existing-service.ts";
import { isSameText, isUntouched, withHeader } from "./header.ts";
import { contextFileAt, type ServicePlace, type Site, servicePlaceOf } from "./layout.ts";
import { planContext } from "./plan-context.ts";
import type { PlanInput, PlannedFile } from "./planned-file.ts";
import { pythonHandlersOf } from "./python-names.ts";
import type { TemplateName } from "./render.ts";

export interface Plan {
  site: Site;
  contextFile: string;
  /** The context as it will be. */
  context: ContextConfig;
  files: PlannedFile[];
  /** For the user, in whole sentences. */
  warnings: string[];
  /** The description asks for no output. */
  isQuiet: boolean;
}

/** One file of a service, and whether later runs may replace it. */
interface Part {
  file: string;
  template: TemplateName;
  owner: "generator" | "user";
}

/** @throws {ZcontextError} `ERR_CONFIG_INVALID` for an existing context file with problems, `ERR_TEMPLATE_INVALID`. */
export function planServices(list: ServiceList, input: PlanInput): Plan {
  const { site } = input;
  const contextFile = contextFileAt(site, list.contextName);
  const services = list.services.map((service) => {
    const placed = { service, place: servicePlaceOf(service, list, site) };
    return { ...placed, match: matchService(placed, input.existing?.tasks ?? [], contextFile, site) };
  });
  // No code is written that the context would not run.
  const code = services
    .filter(({ match }) => match.kind !== "conflict")
    .flatMap(({ service, place }) => partsOf(service).map((part) => planPart(part, service, place, input)));
  // The context file is written last, so that it never names code that does not exist.
  const { file, ...rest } = planContext(list, services, contextFile, input);
  return { site, contextFile, isQuiet: list.isQuiet, ...rest, files: [...code, file] };
}

/** Every path that a plan may write. */
export function targetsOf(list: ServiceList, site: Site): string[] {
  const code = list.services.flatMap((service) => {
    const { folder } = servicePlaceOf(service, list, site);
    return partsOf(service).map(({ file }) => join(folder, file));
  });
  return [...code, contextFileAt(site, list.contextName)];
}

// --- code ------------------------------------------------------------------------------------------------------------

const COMMENT: Record<Language, "//" | "#"> = { typescript: "//", python: "#" };

function partsOf(service: ListedService): Part[] {
  const { name, kind = "looped", language } = service;
  if (language === "python") {
    const [task, test] = hasHandlers(service)
      ? (["task-handlers.py.hbs", "test-handlers.py.hbs"] as const)
      : ([`task-${kind}.py.hbs`, "test.py.hbs"] as const);
    return [
      { file: `Service${name}.py`, template: "service.py.hbs", owner: "generator" },
      { file: `${name}.py`, template: task, owner: "user" },
      { file: "__init__.py", template: "init.py.hbs", owner: "generator" },
      { file: `test_${name}.py`, template: test, owner: "user" },
    ];
  }
  const [task, test] = hasHandlers(service)
    ? (["task-handlers.ts.hbs", "test-handlers.ts.hbs"] as const)
    : ([`task-${kind}.ts.hbs`, "test.ts.hbs"] as const);
  return [
    { file: `Service${name}.ts`, template: "service.ts.hbs", owner: "generator" },
    { file: `${name}.ts`, template: task, owner: "user" },
    { file: "index.ts", template: "index.ts.hbs", owner: "generator" },
    { file: `${name}.test.ts`, template: test, owner: "user" },
  ];
}

function hasHandlers({ listens, serves, actions, consumes, isCustom }: ListedService): boolean {
  return isCustom || listens.length + serves.length + actions.length + consumes.length > 0;
}

function planPart(
  { file, template, owner }: Part,
  service: ListedService,
  place: ServicePlace,
  input: PlanInput,
): PlannedFile {
  const path = join(place.folder, file);
  const before = input.present(path);
  const text = input.templates.render(template, {
    ...service,
    isLooped: service.kind === "looped",
    hasActions: service.isCustom || service.actions.length > 0,
    python: pythonHandlersOf(service),
  });
  const after = owner === "user" ? text : withHeader(text, COMMENT[service.language]);
  return {
    path,
    before,
    after,
    ...(owner === "user" ? fateOfUserFile(before) : fateOfGeneratedFile(before, after, input.force)),
  };
}

type Fate = Pick<PlannedFile, "fate" | "note">;

/** A user's file is written once and never replaced. */
function fateOfUserFile(before: string | undefined): Fate {
  return before === undefined ? { fate: "created", note: "" } : { fate: "kept", note: "yours" };
}

function fateOfGeneratedFile(before: string | undefined, after: string, force: boolean): Fate {
  if (before === undefined) return { fate: "created", note: "" };
  if (isSameText(before, after)) return { fate: "unchanged", note: "" };
  if (isUntouched(before)) return { fate: "replaced", note: "" };
  if (force) return { fate: "replaced", note: "your changes are overwritten" };
  return { fate: "kept", note: "it was changed; --force replaces it" };
}
