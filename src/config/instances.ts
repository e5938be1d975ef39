// Several tasks of one TaskService: `instances="3"` of ts_1 makes ts_1.1, ts_1.2 and ts_1.3. Whatever names ts_1 means all of
// them. Pure.
import type { TaskServiceConfig, Trigger } from "./model.ts";
import { readWhole } from "./xml/number-rules.ts";
import type { Reader } from "./xml/reader.ts";

const MOST = 500;

/** How many tasks a TaskService stands for; undefined where it says nothing of it, and is one. */
export function readInstances(service: Reader): number | undefined {
  // A message brings single tasks: its sender has no say in how many there are.
  if (!service.reading.strict || !service.element.attributes.some(({ name }) => name === "instances")) return undefined;
  return readWhole(service, "instances", { min: 1, max: MOST });
}

/** The ids of the tasks that a TaskService stands for. */
export function idsOfInstances(id: string, instances: number | undefined): string[] {
  if (instances === undefined) return [id];
  return Array.from({ length: instances }, (_, index) => `${id}.${index + 1}`);
}

/** The tasks that the ids mean, by their own ids: the id of a TaskService with instances means all of these. */
export function idsMeant(ids: readonly string[], tasks: Iterable<TaskServiceConfig>): string[] {
  const all = [...tasks];
  const meant = ids.flatMap((id) => {
    const instances = all.filter(({ instanceOf }) => instanceOf?.id === id);
    return instances.length === 0 ? [id] : instances.map((task) => task.id);
  });
  return [...new Set(meant)];
}

/** The tasks of a TaskService. `all` has those of every TaskService, by its id. */
export function instancesOf(task: TaskServiceConfig, all: ReadonlyMap<string, readonly string[]>): TaskServiceConfig[] {
  const ids = all.get(task.id) ?? [task.id];
  const isOne = ids.length === 1 && ids[0] === task.id;
  return ids.map((id, index) => {
    // In its own triggers a task means itself: one that restarts itself does not restart the others.
    const meant = (called: string) => (called === task.id ? [id] : (all.get(called) ?? [called]));
    const expanded = ({ action, call }: Trigger): Trigger => ({ action, call: [...new Set(call.flatMap(meant))] });
    const triggers = Object.entries(task.triggers).map(([event, trigger]) => [event, expanded(trigger)] as const);
    const dependsOn = [...new Set(task.supervision.dependsOn.flatMap((needed) => all.get(needed) ?? [needed]))];
    return {
      ...task,
      id,
      ...(isOne ? {} : { instanceOf: { id: task.id, number: index + 1 } }),
      triggers: Object.fromEntries(triggers),
      supervision: dependsOn.length === 0 ? task.supervision : { ...task.supervision, dependsOn },
    };
  });
}
