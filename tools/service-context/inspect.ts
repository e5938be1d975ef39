// What `service-context` does with `--check` and `--diagram`: looks at a context file and starts nothing.
import { dirname, resolve } from "node:path";
import type { ContextConfig, TaskServiceConfig } from "../../src/config/context-config.ts";
import { entersAtOnce } from "../../src/config/meaning.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { drawContext } from "../../src/generator/diagram.ts";
import { openServices } from "../../src/launch/services.ts";
import { readEnvironment } from "../../src/launch/task-environment.ts";
import { narrowToLoopback } from "../../src/link/exposure.ts";
import { columns } from "../columns.ts";
import { readContextFile } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";

/** The options that it takes; see `--help`. */
interface Options {
  json?: true;
  services_root: string[];
  state_dir?: string;
}

/** Prints the problems of a context file, or what it says; answers the exit code. */
export async function check(file: string, { json, services_root: roots, state_dir }: Options): Promise<number> {
  const config = await read(file);
  narrowToLoopback(config);
  if (json) answerJson(config);
  else answer(describe(file, config));
  await using services = openServices({ file, ownTasks: config.tasks, roots, stateDir: state_dir });
  if (!config.tasks.some(entersAtOnce)) say('warning: no task has the state type "on_start": a start runs nothing');
  // Found out here once, rather than at each start of the task.
  for (const task of config.tasks) {
    const environment = await readEnvironment(task.supervision, dirname(resolve(file))).catch((error) =>
      warn(error, `${task.id}: `),
    );
    await services.prepare(task, environment ?? {}).catch((error) => warn(error));
  }
  return EXIT.done;
}

function warn(error: unknown, prefix = ""): void {
  const details = error instanceof ZcontextError ? error.details : [];
  say([`warning: ${prefix}${reasonOf(error)}`, ...details].join("\n  "));
}

/** Prints the tasks and triggers of a context file as a diagram; answers the exit code. */
export async function draw(file: string, { json }: Options): Promise<number> {
  const diagram = drawContext(await read(file));
  if (json) answerJson({ diagram });
  else answer(diagram);
  return EXIT.done;
}

// The hint of these errors is to use --check.
async function read(file: string): Promise<ContextConfig> {
  return readContextFile(file).catch((error: unknown) => {
    if (!(error instanceof ZcontextError)) throw error;
    const { code, message, details, cause } = error;
    throw new ZcontextError(code, message, { details, cause });
  });
}

function describe(file: string, { contextId, endpoints, tasks }: ContextConfig): string {
  const rows = tasks.map((task) => [
    task.id,
    task.instance,
    task.serviceName,
    task.serviceType,
    task.entry,
    triggersOf(task),
    supervisionOf(task),
  ]);
  return [
    `${file} is fine: context ${contextId || "(no ContextID)"}, ${tasks.length} task service${tasks.length === 1 ? "" : "s"}`,
    `senders connect to ${endpoints.publish}, listeners to ${endpoints.subscribe}`,
    "",
    columns(["ID", "INSTANCE", "SERVICE", "TYPE", "ENTRY", "TRIGGERS", "SUPERVISION"], rows),
  ].join("\n");
}

// What decides whether and when a task runs; --json has the rest.
function supervisionOf({ supervision }: TaskServiceConfig): string {
  const { restart, dependsOn, probe, essential } = supervision;
  const parts = [
    ...(restart === "never" ? [] : [`restart ${restart}`]),
    ...(dependsOn.length === 0 ? [] : [`depends_on ${dependsOn.join(" ")}`]),
    ...(probe === undefined ? [] : [`ready_${probe.kind}`]),
    ...(essential ? ["essential"] : []),
  ];
  return parts.join("; ") || "-";
}

function triggersOf({ triggers }: TaskServiceConfig): string {
  return (
    Object.entries(triggers)
      .map(([event, { action, call }]) => `${event}: ${action} ${call.join(" ")}`)
      .join("; ") || "-"
  );
}
