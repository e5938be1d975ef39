import { readExisting } from "../../../src/config/service-list/existing-context.ts";
import type { ListedService, ServiceList } from "../../../src/config/service-list/service-list.ts";
import type { Site } from "../../../src/generator/layout.ts";
import { type Plan, planServices } from "../../../src/generator/plan.ts";
import { openTemplates } from "../../../src/generator/render.ts";

/** A project with the usual folders; nothing of it is on disk. */
export const SITE: Site = {
  project: "/project",
  given: "/project",
  home: "/project",
  folders: { services: "services", conf: "conf" },
};

export const CONTEXT_FILE = "/project/conf/Context-Kitchen.xml";

/** Our own templates. */
export const templates = openTemplates();

/** A service with nothing special about it, but for what a test is about. */
export function service(name: string, but: Partial<ListedService> = {}): ListedService {
  return {
    name,
    className: name,
    kind: "looped",
    ...{ listens: [], serves: [], actions: [], consumes: [], protocol: "HTTPHandler", isCustom: false },
    language: "typescript",
    id: `id_of_${name}`,
    topic: "process",
    serviceName: name.toLowerCase(),
    description: `What ${name} does`,
    deviceAction: "cooking",
    entry: "on_start",
    triggers: {},
    location: undefined,
    ...but,
  };
}

/** A list of services for the context file of the site. */
export function listOf(services: ListedService[], but: Partial<ServiceList> = {}): ServiceList {
  const endpoints = { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" };
  return {
    contextName: "Kitchen",
    contextId: "context001",
    endpoints,
    binds: endpoints,
    servicePath: ".",
    homePath: ".",
    isQuiet: false,
    services,
    ...but,
  };
}

/** Files by their absolute paths. */
export type Disk = { readonly [path: string]: string };

export function planOn(
  disk: Disk,
  list: ServiceList,
  { force = false, site = SITE, templates: used = templates } = {},
): Plan {
  const context = disk[CONTEXT_FILE];
  const existing = context === undefined ? undefined : readExisting(context, CONTEXT_FILE);
  return planServices(list, { site, force, templates: used, existing, present: (path) => disk[path] });
}

/** The disk after a plan was carried out. */
export function diskAfter({ files }: Plan, disk: Disk = {}): Disk {
  const written = files.filter(({ fate }) => fate !== "kept" && fate !== "unchanged");
  return { ...disk, ...Object.fromEntries(written.map(({ path, after }) => [path, after])) };
}

/** What is to be written at a path. */
export function textAt({ files }: Plan, path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  if (file === undefined) throw new Error(`the plan has no ${path}, but ${files.map((one) => one.path).join(", ")}`);
  return file.after;
}
