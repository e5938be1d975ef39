// What is to be written where, decided from the description and from what is there already. Reads nothing but
// templates and writes nothing, so that a dry run costs nothing and can't differ from the real one. Pure.
import { join } from "node:path";
import type { ContextConfig } from "../config/context-config.ts";
import type { Language, ListedService, ServiceList } from "../config/service-list/service-list.ts";
import { standingOf } from "./existing-service.ts";
import { isSameText, isUntouched, withHeader } from "./header.ts";
import { contextFileAt, type ServicePlace, type Site, stateFilesOf } from "./layout.ts";
import { planContext } from "./plan-context.ts";
import type { Means, PlannedFile } from "./planned-file.ts";
import type { TemplateName } from "./render.ts";

export interface Plan {
  site: Site;
  contextFile: string;
  /** The context as it will be. */
  context: ContextConfig;
  files: PlannedFile[];
  /** What the user should know, in whole sentences. */
  warnings: string[];
  /** The description asks for no word about it. */
  isQuiet: boolean;
}

/** How the files of a service are called, and whose they are. */
interface Part {
  file: string;
  template: TemplateName;
  owner: "generator" | "user";
}

/** @throws {ZcontextError} `ERR_CONFIG_INVALID` for an existing context file with problems, `ERR_TEMPLATE_INVALID`. */
export function planServices(list: ServiceList, means: Means): Plan {
  const { site } = means;
  const contextFile = contextFileAt(site, list.contextName);
  const services = list.services.map((service) => {
    const placed = { service, place: stateFilesOf(service, list, site) };
    return { ...placed, standing: standingOf(placed, means.existing?.tasks ?? [], contextFile, site) };
  });
  // Code that nothing would run is not written.
  const code = services
    .filter(({ standing }) => standing.kind !== "stranger")
    .flatMap(({ service, place }) => partsOf(service).map((part) => planPart(part, service, place, means)));
  // The context comes last: it never names code that is not there.
  const { file, ...rest } = planContext(list, services, contextFile, means);
  return { site, contextFile, isQuiet: list.isQuiet, ...rest, files: [...code, file] };
}

/** Every path that a plan may touch. */
export function targetsOf(list: ServiceList, site: Site): string[] {
  const code = list.services.flatMap((service) => {
    const { folder } = stateFilesOf(service, list, site);
    return partsOf(service).map(({ file }) => join(folder, file));
  });
  return [...code, contextFileAt(site, list.contextName)];
}

// --- code ------------------------------------------------------------------------------------------------------------

const COMMENT: Record<Language, "//" | "#"> = { typescript: "//", python: "#" };

function partsOf({ name, kind, language }: ListedService): Part[] {
  if (language === "python") {
    return [
      { file: `Service${name}.py`, template: "service.py.hbs", owner: "generator" },
      { file: `${name}.py`, template: `task-${kind}.py.hbs`, owner: "user" },
      { file: "__init__.py", template: "init.py.hbs", owner: "generator" },
      { file: `test_${name}.py`, template: "test.py.hbs", owner: "user" },
    ];
  }
  return [
    { file: `Service${name}.ts`, template: "service.ts.hbs", owner: "generator" },
    { file: `${name}.ts`, template: `task-${kind}.ts.hbs`, owner: "user" },
    { file: "index.ts", template: "index.ts.hbs", owner: "generator" },
    { file: `${name}.test.ts`, template: "test.ts.hbs", owner: "user" },
  ];
}

function planPart(
  { file, template, owner }: Part,
  service: ListedService,
  place: ServicePlace,
  means: Means,
): PlannedFile {
  const path = join(place.folder, file);
  const before = means.present(path);
  const text = means.templates.render(template, service);
  const after = owner === "user" ? text : withHeader(text, COMMENT[service.language]);
  return { path, before, after, ...(owner === "user" ? fateOfYours(before) : fateOfOurs(before, after, means.force)) };
}

type Fate = Pick<PlannedFile, "fate" | "note">;

/** The user's file is written once, whatever is asked for later. */
function fateOfYours(before: string | undefined): Fate {
  return before === undefined ? { fate: "created", note: "" } : { fate: "kept", note: "yours" };
}

function fateOfOurs(before: string | undefined, after: string, force: boolean): Fate {
  if (before === undefined) return { fate: "created", note: "" };
  if (isSameText(before, after)) return { fate: "unchanged", note: "" };
  if (isUntouched(before)) return { fate: "replaced", note: "" };
  if (force) return { fate: "replaced", note: "your changes are overwritten" };
  return { fate: "kept", note: "somebody has changed it; --force replaces it" };
}
