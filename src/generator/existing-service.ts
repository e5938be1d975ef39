// Decides whether a context has a service already. A task with the same id and instance is the same service and is left
// alone. One that shares only the id or only the instance, or whose code is of another language or in another folder, is a
// conflict. Pure.
import { dirname, join, resolve } from "node:path";
import type { ExistingContext, Language } from "../config/service-list/service-list.ts";
import type { Placed, Site } from "./layout.ts";

/** How a service compares with the tasks of a context; `reason` is a sentence without a full stop. */
export type ServiceMatch = { kind: "new" | "same" } | { kind: "conflict"; reason: string };

/** The name of each language, and the service types that run it. */
const RUN_AS: Record<Language, { name: string; serviceTypes: readonly string[] }> = {
  typescript: { name: "TypeScript", serviceTypes: ["Process", "Thread"] },
  python: { name: "Python", serviceTypes: ["Executable"] },
};

/** @param tasks - Of the context; they may be incomplete. */
export function matchService(
  { service, place }: Placed,
  tasks: readonly ExistingTask[],
  file: string,
  site: Site,
): ServiceMatch {
  const { id, name, language } = service;
  const task = tasks.find((one) => one.id === id || one.instance === name);
  if (task === undefined) return { kind: "new" };
  const conflict = (reason: string): ServiceMatch => ({ kind: "conflict", reason: `${file} has ${reason}` });
  if (task.id !== id) return conflict(`${name} as ${task.id}, so ${id} was not added to it`);
  if (task.instance !== name) {
    const advice = `give another --task_id, ${freeId(tasks)} say`;
    return conflict(`${id} with the instance ${task.instance}, so ${name} was not added to it; ${advice}`);
  }
  const { name: languageName, serviceTypes } = RUN_AS[language];
  if (!serviceTypes.includes(task.serviceType)) {
    const advice = "remove the task from the file to have it added again";
    return conflict(`${id} with the serviceType ${task.serviceType}, which runs no ${languageName}; ${advice}`);
  }
  const folder = join(folderOf(task, site, dirname(file)), name);
  if (language === "python" || folder === place.folder) return { kind: "same" };
  return conflict(`the code of ${id} in ${folder}, so none was written to ${place.folder}`);
}

type ExistingTask = ExistingContext["tasks"][number];

function folderOf({ location }: ExistingTask, { project, folders }: Site, conf: string): string {
  return location === "" ? join(project, folders.services) : resolve(conf, location);
}

/** `ts001`, or the first number after it that no task has. */
export function freeId(tasks: readonly Pick<ExistingTask, "id">[]): string {
  const taken = new Set(tasks.map(({ id }) => id));
  for (let number = 1; ; number += 1) {
    const id = `ts${String(number).padStart(3, "0")}`;
    if (!taken.has(id)) return id;
  }
}
