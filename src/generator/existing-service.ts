// Whether a context has a service already. One with its id and its code is the same and left alone; one with only one of
// the two, or with code of another kind or in another place, is a stranger in its way. Pure.
import { dirname, join, resolve } from "node:path";
import type { ExistingContext, Language } from "../config/service-list/service-list.ts";
import type { Placed, Site } from "./layout.ts";

/** What a service is to a context; `reason` is a whole sentence without its end. */
export type Standing = { kind: "new" | "same" } | { kind: "stranger"; reason: string };

/** How each language is called, and what runs it. */
const RUN_AS: Record<Language, { name: string; serviceTypes: readonly string[] }> = {
  typescript: { name: "TypeScript", serviceTypes: ["Process", "Thread"] },
  python: { name: "Python", serviceTypes: ["Executable"] },
};

/** @param tasks - Those of the context, which may be incomplete. */
export function standingOf({ service, place }: Placed, tasks: readonly Twin[], file: string, site: Site): Standing {
  const { id, name, language } = service;
  const twin = tasks.find((task) => task.id === id || task.instance === name);
  if (twin === undefined) return { kind: "new" };
  const stranger = (reason: string): Standing => ({ kind: "stranger", reason: `${file} has ${reason}` });
  if (twin.id !== id) return stranger(`${name} as ${twin.id}, so ${id} was not added to it`);
  if (twin.instance !== name) {
    const advice = `give another --task_id, ${freeId(tasks)} say`;
    return stranger(`${id} with the instance ${twin.instance}, so ${name} was not added to it; ${advice}`);
  }
  const { name: languageName, serviceTypes } = RUN_AS[language];
  if (!serviceTypes.includes(twin.serviceType)) {
    const advice = "remove the task from it to have it added anew";
    return stranger(`${id} with the serviceType ${twin.serviceType}, which runs no ${languageName}; ${advice}`);
  }
  const folder = join(folderOf(twin, site, dirname(file)), name);
  if (language === "python" || folder === place.folder) return { kind: "same" };
  return stranger(`the code of ${id} in ${folder}, so none was written to ${place.folder}`);
}

type Twin = ExistingContext["tasks"][number];

function folderOf({ location }: Twin, { project, folders }: Site, conf: string): string {
  return location === "" ? join(project, folders.services) : resolve(conf, location);
}

/** `ts001`, or the first number after it that no task has. */
export function freeId(tasks: readonly Pick<Twin, "id">[]): string {
  const taken = new Set(tasks.map(({ id }) => id));
  for (let number = 1; ; number += 1) {
    const id = `ts${String(number).padStart(3, "0")}`;
    if (!taken.has(id)) return id;
  }
}
