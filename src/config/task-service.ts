// Writes a task service as a message carries it, in the form of the original's later generation, and reads it in the form
// of either. Pure.
import { ZcontextError } from "../errors.ts";
import { type CommandBody, formatCommand, readExecutable } from "./command-reader.ts";
import { checkShape, TASK_SERVICE_SHAPE } from "./grammar.ts";
import type { Command, ConfigurationValue, TaskServiceConfig, Trigger, TriggerEvent } from "./model.ts";
import { readTasks } from "./task-reader.ts";
import { type Dictionary, elementsFrom } from "./xml/dictionary.ts";
import { childAt, type Element, textAt } from "./xml/element.ts";
import { countOf, describe, type Problem } from "./xml/problems.ts";
import { Reader } from "./xml/reader.ts";

/** The body of a `process` message, and an entry of `TaskService` in a `context` message. */
export interface TaskServiceBody extends Partial<CommandBody> {
  Task: {
    description: string;
    message: {
      content: { configuration: { [name: string]: ConfigurationValue } };
      header: { action: string; service_id: string; service_name: string; transaction?: string };
    };
    state: Record<TriggerEvent, { action: string; call: string }> & { type: string };
  };
  id: string;
  instance: string;
  serviceType: string;
  topic: string;
}

/** The opposite of {@link readTaskServices} for one task; the header says what is to be done with it. */
export function formatTaskService(
  task: TaskServiceConfig,
  header: { action: string; transaction?: string },
): TaskServiceBody {
  const { id, instance, serviceType, topic, description, configuration, triggers } = task;
  return {
    Task: {
      description,
      message: {
        content: { configuration },
        header: { ...header, service_id: id, service_name: task.serviceName },
      },
      state: {
        on_exit: formatTrigger(triggers.on_exit),
        on_fail: formatTrigger(triggers.on_fail),
        on_start: formatTrigger(triggers.on_start),
        on_update: formatTrigger(triggers.on_update),
        type: task.entry,
      },
    },
    id,
    instance,
    serviceType,
    topic,
    ...(task.command === undefined ? {} : formatCommand(task.command)),
  };
}

/** The original expects all four triggers, and writes an absent one as two empty texts. */
function formatTrigger(trigger: Trigger | undefined): { action: string; call: string } {
  return { action: trigger?.action ?? "", call: trigger?.call.join(",") ?? "" };
}

/**
 * Reads the task services of a `context` message of any peer: one or a list, complete or as the file has them. Unknown names
 * are ignored, since older peers add some; calls to tasks that are not in the message are kept.
 *
 * @param configuration - The message's `content.configuration`; one without `TaskService` has no tasks.
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` with every problem in `details`, each as `path: message`.
 */
export function readTaskServices(configuration: unknown): TaskServiceConfig[] {
  const problems: Problem[] = [];
  const reading = { problems, strict: false };
  const { elements, pathOf } = taskServicesOf(configuration);
  for (const element of elements) checkShape(element, TASK_SERVICE_SHAPE, reading);
  const tasks = readTasks(elements, reading);
  if (problems.length > 0) throw malformed(problems, pathOf);
  return tasks;
}

/**
 * The command in the body of a `process` message; undefined where it has none.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where it can't be read.
 */
export function readBroughtCommand(body: { command?: unknown; argument?: unknown }): Command | undefined {
  const { command, argument = [] } = body;
  if (command === undefined) return undefined;
  const problems: Problem[] = [];
  const { elements, pathOf } = elementsFrom("TaskService", { command, argument });
  const [read] = elements.map((element) => readExecutable(new Reader(element, { problems, strict: false })));
  if (problems.length > 0) throw malformed(problems, pathOf);
  return read;
}

/**
 * The ids that a `stop` names, in order; each entry needs nothing but its id, or a `service_id` in its header.
 *
 * @throws {ZcontextError} `ERR_MESSAGE_MALFORMED` where an entry has neither.
 */
export function readTaskServiceIds(configuration: unknown): string[] {
  const { elements, pathOf } = taskServicesOf(configuration);
  const problems = elements
    .filter((element) => idOf(element) === "")
    .map(({ place }) => ({ place, message: "expected an id, got nothing" }));
  if (problems.length > 0) throw malformed(problems, pathOf);
  return elements.map(idOf);
}

function idOf(service: Element): string {
  const header = ["Task", "message", "header"].reduce<Element | undefined>(
    (element, name) => element && childAt(element, name),
    service,
  );
  return textAt(service, "id")?.value || (header && textAt(header, "service_id")?.value) || "";
}

function taskServicesOf(configuration: unknown): Dictionary {
  const services =
    typeof configuration === "object" && configuration !== null ? Reflect.get(configuration, "TaskService") : [];
  return elementsFrom("TaskService", services ?? []);
}

function malformed(problems: readonly Problem[], pathOf: Dictionary["pathOf"]): ZcontextError {
  return new ZcontextError("ERR_MESSAGE_MALFORMED", `the task services of the message have ${countOf(problems)}`, {
    details: describe(problems, pathOf),
    hint: "Send what `formatTaskService` writes, or a TaskService of a context file.",
  });
}
