// Decides where files go: the context file to `conf`, each service to a folder of its own below `services`. Which folders
// exist, and where relative paths start, comes from the caller. Pure.
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { ListedService, ServiceList } from "../config/service-list/service-list.ts";
import type { TextRule } from "../config/xml/reader.ts";
import { ZcontextError } from "../errors.ts";
import { isBelow } from "../folders.ts";

/** The folders of a project, as absolute paths. */
export interface Site {
  /** The real path of the project: code is written nowhere else. */
  project: string;
  /** The same path as the user gave it. */
  given: string;
  /** The folder that holds the folder of context files. */
  home: string;
  /** `services` and `conf`, or with the original's capital letters where the project has those. */
  folders: { services: string; conf: string };
}

export interface ServicePlace {
  folder: string;
  /** For the context file: the parent of the folder; undefined where the provider searches there anyway. */
  location: string | undefined;
}

/** A service and the place of its code. */
export interface Placed {
  service: ListedService;
  place: ServicePlace;
}

export function contextFileAt({ home, folders }: Site, contextName: string): string {
  return join(home, folders.conf, `Context-${contextName}.xml`);
}

/** The rule for locations: within the project. */
export function locationRule(site: Site): TextRule {
  return {
    expected: `a folder of the project ${site.given}`,
    accepts: (location) => folderAt(location, site) !== undefined,
  };
}

/** A location as a folder of the project; undefined where it is outside. */
function folderAt(location: string, { project, given }: Site): string | undefined {
  // Relative to the given path first: it may be a link inside the project that it leads to.
  const ways = [given, project].map((root) => relative(root, resolve(root, location)));
  return ways.map((way) => resolve(project, way)).find((folder) => isBelow(project, folder));
}

/**
 * Where a service's files go.
 *
 * @throws {ZcontextError} `ERR_TARGET_REFUSED` for a location outside the project.
 */
export function servicePlaceOf(
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
      { hint: "Name a folder of the project, or another project with --service_path." },
    );
  }
  const conf = dirname(contextFileAt(site, list.contextName));
  const isFound = parent === usual && dirname(conf) === site.project;
  const written = location !== undefined && isAbsolute(location) ? location : pathFrom(conf, parent) || ".";
  return { folder: join(parent, name), location: isFound && location === undefined ? undefined : written };
}

/** A relative path with / between folders, whatever the system uses. */
export function pathFrom(folder: string, path: string): string {
  return relative(folder, path).split(sep).join("/");
}
