// Turns a description into a plan: reads the project, checks the description against the existing context, and decides what
// to write. Writes nothing.
import { readExisting } from "../config/service-list/existing-context.ts";
import type { ExistingContext, ServiceListDraft, Whereabouts } from "../config/service-list/service-list.ts";
import { contextFileAt, locationRule, type Site } from "./layout.ts";
import { type Plan, planServices, targetsOf } from "./plan.ts";
import { findSite, readTarget } from "./project.ts";
import { openTemplates } from "./render.ts";

export interface ScaffoldOptions {
  /** Relative folders of the description start here. */
  cwd: string;
  /** Replaces generated files even when they were changed. */
  force?: boolean | undefined;
  /** A folder with the user's templates. */
  templates?: string | undefined;
}

/**
 * Plans the files of a description.
 *
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` or `ERR_USAGE` with every problem of the description or of the context
 *   file, `ERR_TARGET_REFUSED`, `ERR_TEMPLATE_INVALID`.
 */
export function planScaffold(draft: ServiceListDraft, { cwd, force = false, templates }: ScaffoldOptions): Plan {
  const { site, existing } = findContext(draft.whereabouts(), cwd);
  const list = draft.against(existing, locationRule(site));
  const present = new Map(targetsOf(list, site).map((path) => [path, readTarget(path, site)]));
  return planServices(list, {
    site,
    force,
    present: (path) => present.get(path),
    existing,
    templates: openTemplates(templates),
  });
}

/**
 * The project of a description, and its context file as far as it exists.
 *
 * @throws {ZcontextError} `ERR_TARGET_REFUSED`, or `ERR_CONFIG_INVALID` where the context file is not one.
 */
export function findContext(whereabouts: Whereabouts, cwd: string): { site: Site; existing?: ExistingContext } {
  const site = findSite(whereabouts, cwd);
  const file = contextFileAt(site, whereabouts.contextName);
  const text = readTarget(file, site);
  return text === undefined ? { site } : { site, existing: readExisting(text, file) };
}
