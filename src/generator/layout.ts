// Where everything goes: the context file in `conf`, each service in a folder of its own below `services`. Pure: what
// is there already, and where relative paths start, comes from the caller.
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { ListedService, ServiceList } from "../config/service-list/service-list.ts";
import type { TextRule } from "../config/xml/reader.ts";
import { ZcontextError } from "../errors.ts";
import { isBelow } from "../folders.ts";

/** A place to write to, by absolute paths. */
export interface Site {
  /** The project, without links on the way to it: code goes nowhere else. */
  project: string;
  /** The same as the user calls it. */
  given: string;
  /** Holds the folder of the context files. */
  home: string;
  /** `services` and `conf`, or as the original calls them, where a project has them so. */
  folders: { services: string; conf: string };
}

export interface ServicePlace {
  folder: string;
  /** For the context file: how the provider finds the folder's parent; nothing where it looks by itself. */
  location: string | undefined;
}

/** A service, and where its code goes. */
export interface Placed {
  service: ListedService;
  place: ServicePlace;
}

export function contextFileAt({ home, folders }: Site, contextName: string): string {
  return join(home, folders.conf, `Context-${contextName}.xml`);
}

/** What a location must be: within the project. */
export function locationRule(site: Site): TextRule {
  return {
    expected: `a folder of the project ${site.given}`,
    accepts: (location) => folderAt(location, site) !== undefined,
  };
}

/** A location as a folder of the project; nothing where it is outside. */
function folderAt(location: string, { project, given }: Site): string | undefined {
  // The given one first: it may be a link within the very project that it leads to.
  const ways = [given, project].map((root) => relative(root, resolve(root, location)));
  return ways.map((way) => resolve(project, way)).find((folder) => isBelow(project, folder));
}

/**
 * Where a service's files go.
 *
 * @throws {ZcontextError} `ERR_TARGET_REFUSED` for a location outside the project.
 */
export function stateFilesOf(
  { name, location }: ListedService,
  list: Pick<ServiceList, "contextName">,
  site: Site,
): ServicePlace {
  const usual = join(site.project, site.folders.services);
  const parent = location === undefined ? usual : folderAt(location, site);
  if (parent === undefined) {
    throw new ZcontextError(
      "ERR_TARGET_REFUSED",
      `location ${location} is outside the project ${site.project}; nothing was written`,
      {
        hint: "Name a folder of the project, or another project with --service_path.",
      },
    );
  }
  const conf = dirname(contextFileAt(site, list.contextName));
  const isFound = parent === usual && dirname(conf) === site.project;
  const written = location !== undefined && isAbsolute(location) ? location : pathFrom(conf, parent) || ".";
  return { folder: join(parent, name), location: isFound && location === undefined ? undefined : written };
}

/** A path as files have it, whatever the system writes between folders. */
export function pathFrom(folder: string, path: string): string {
  return relative(folder, path).split(sep).join("/");
}
