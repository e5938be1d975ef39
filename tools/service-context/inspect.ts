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

/**
 * Prints the problems of a context file, or what it says; answers the exit code. That is 1 where the file itself is right
 * and a task can't be started: its code, its program or its env file is missing, or its code does not compile.
 */
export async function check(file: string, options: Options): Promise<number> {
  const config = await read(file);
  narrowToLoopback(config);
  const problems = await problemsOf(file, config, options);
  if (options.json) answerJson({ ...config, problems });
  else if (problems.length === 0) answer(describe(file, config));
  if (!config.tasks.some(entersAtOnce)) say('warning: no task has the state type "on_start": a start runs nothing');
  if (problems.length === 0) return EXIT.done;
  const count = `${countOf(problems)} of ${config.tasks.length}`;
  say(`error: ${file} is well-formed, but ${count} can't be started`);
  for (const { task, reason, details } of problems) say([`  ${named(task, reason)}`, ...details].join("\n    "));
  return EXIT.failed;
}

/** Why a task can't be started. */
interface Problem {
  task: string;
  code: string | undefined;
  reason: string;
  details: readonly string[];
}

function countOf({ length }: readonly unknown[]): string {
  return `${length} task service${length === 1 ? "" : "s"}`;
}

// Some reasons begin with the task that they are of.
function named(task: string, reason: string): string {
  return reason.startsWith(`${task}: `) ? reason : `${task}: ${reason}`;
}

/** Prepares every task as its start would. */
async function problemsOf(file: string, { tasks }: ContextConfig, options: Options): Promise<Problem[]> {
  const { services_root: roots, state_dir: stateDir } = options;
  await using services = openServices({ file, ownTasks: tasks, roots, stateDir });
  const problems: Problem[] = [];
  for (const task of tasks) {
    try {
      await services.prepare(task, await readEnvironment(task.supervision, dirname(resolve(file))));
    } catch (error) {
      const { code, details } = error instanceof ZcontextError ? error : { code: undefined, details: [] };
      problems.push({ task: task.id, code, reason: reasonOf(error), details });
    }
  }
  return problems;
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
    `${file} is fine: context ${contextId || "(no ContextID)"}, ${countOf(tasks)}`,
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
