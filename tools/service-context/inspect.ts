// What `service-context` does with `--check` and `--diagram`: looks at a context file and starts nothing.
import { dirname, resolve } from "node:path";
import { type ContextConfig, readContextRoot, type TaskServiceConfig } from "../../src/config/context-config.ts";
import { entersAtOnce } from "../../src/config/meaning.ts";
import { textAt } from "../../src/config/xml/element.ts";
import { positionsIn } from "../../src/config/xml/position.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { drawContext } from "../../src/generator/diagram.ts";
import { openServices } from "../../src/launch/code/services.ts";
import { findProgram, type ProgramSearch } from "../../src/launch/environment/program.ts";
import { runsIn } from "../../src/launch/environment/task-environment.ts";
import { createStartTrials } from "../../src/launch/start-trial.ts";
import { readSurroundings } from "../../src/launch/surroundings.ts";
import { faultOfHost } from "../../src/link/address-trial.ts";
import { narrowToLoopback } from "../../src/link/exposure.ts";
import type { Endpoints } from "../../src/protocol/endpoints.ts";
import { columns } from "../columns.ts";
import { readContextFile, readContextText } from "../context-file.ts";
import { answer, answerJson, EXIT, say } from "../print.ts";
import { stopAtSignal } from "./stop-at-signal.ts";

/** The options that it takes; see `--help`. */
interface Options {
  json?: true;
  services_root: string[];
  state_dir?: string;
}

/**
 * Prints the problems of a context file, or what it says; answers the exit code. That is 1 where the file itself is right
 * and a task can't be started, or the forwarder can't: code, program or env file is missing, code does not compile, does
 * not load or exports no service, a command line is too long, or an address is one that this machine does not have.
 */
export async function check(file: string, options: Options): Promise<number> {
  const { config, placeOf } = await readWithPlaces(file);
  const { binds } = narrowToLoopback(config);
  const found = [...(await problemsOfBinds(binds)), ...(await problemsOfTasks(file, config, options))];
  const problems = found.map((problem) => ({ ...problem, at: placeOf(problem) }));
  if (options.json) answerJson({ ...config, problems });
  else if (problems.length === 0) answer(describe(file, config));
  if (!config.tasks.some(entersAtOnce)) say('warning: no task has the state type "on_start": a start runs nothing');
  if (problems.length === 0) return EXIT.done;
  say(`error: ${file} is well-formed, but ${subjectOf(problems, config)} can't be started`);
  for (const { at, task, reason, details } of problems)
    say([`  ${file}:${at}: ${task === undefined ? reason : named(task, reason)}`, ...details].join("\n    "));
  return EXIT.failed;
}

/** Why a task can't be started, or else the forwarder. */
interface Problem {
  task?: string;
  /** The element with the address that can't be bound. */
  element?: string;
  code: string | undefined;
  reason: string;
  details: readonly string[];
}

function subjectOf(problems: readonly Problem[], { tasks }: ContextConfig): string {
  const ofTasks = problems.filter(({ task }) => task !== undefined);
  const parts = [
    ...(ofTasks.length < problems.length ? ["its forwarder"] : []),
    ...(ofTasks.length > 0 ? [`${countOf(ofTasks)} of ${tasks.length}`] : []),
  ];
  return parts.join(" and ");
}

/** A context file, and where in it the element of a problem stands, as `line:column`. */
async function readWithPlaces(
  file: string,
): Promise<{ config: ContextConfig; placeOf(problem: Problem): string | undefined }> {
  const config = await read(file);
  const text = await readContextText(file);
  const { children } = readContextRoot(text, { file });
  const positionOf = positionsIn(text);
  const idInFile = (id: string) => config.tasks.find((task) => task.id === id)?.instanceOf?.id ?? id;
  return {
    config,
    placeOf({ task, element }) {
      const found = children.find((child) =>
        task === undefined
          ? child.name === element
          : child.name === "TaskService" && textAt(child, "id")?.value === idInFile(task),
      );
      return found && positionOf(found.place);
    },
  };
}

/** Tries each address on a port that the system chooses: another process may have the port of the file. */
async function problemsOfBinds(binds: Endpoints): Promise<Problem[]> {
  const elements = [
    ["FrontBind", binds.publish],
    ["BackendBind", binds.subscribe],
  ] as const;
  const faults = await Promise.all(elements.map(([, address]) => faultOfHost(address)));
  return elements.flatMap(([element], index) => {
    const reason = faults[index];
    return reason === undefined
      ? []
      : [{ element, code: "ERR_FORWARDER_FAILED", reason: `${element}: ${reason}`, details: [] }];
  });
}

function countOf({ length }: readonly unknown[]): string {
  return `${length} task service${length === 1 ? "" : "s"}`;
}

// Some reasons begin with the task that they are of.
function named(task: string, reason: string): string {
  return reason.startsWith(`${task}: `) ? reason : `${task}: ${reason}`;
}

/** Prepares every task as its start would, and tries whether it could be started. */
async function problemsOfTasks(file: string, { tasks }: ContextConfig, options: Options): Promise<Problem[]> {
  const { services_root: roots, state_dir: stateDir } = options;
  const stop = stopAtSignal();
  const trials = createStartTrials(file, stop);
  await using services = openServices({ file, ownTasks: tasks, roots, stateDir });
  const problems: Problem[] = [];
  const folder = dirname(resolve(file));
  for (const task of tasks) {
    if (stop.aborted) throw new ZcontextError("ERR_USAGE", "the check was interrupted");
    // Its instances differ in their number only.
    if ((task.instanceOf?.number ?? 1) > 1) continue;
    try {
      const { environment } = await readSurroundings(task, folder);
      await findPrograms(task, { folder, runsIn: runsIn(task, folder), environment });
      await trials.tryStart({ task, environment, path: await services.prepare(task, environment) });
    } catch (error) {
      const { code, details } = error instanceof ZcontextError ? error : { code: undefined, details: [] };
      problems.push({ task: task.id, code, reason: reasonOf(error), details });
    }
  }
  return problems;
}

/** Looks for the programs of its probes, and of the command that stops it. */
async function findPrograms({ supervision }: TaskServiceConfig, search: ProgramSearch): Promise<void> {
  const { probe, liveness, stopCommand } = supervision;
  const programs = [
    ["ready_exec", probe?.kind === "exec" ? probe : undefined],
    ["live_exec", liveness?.kind === "exec" ? liveness : undefined],
    ["stop_exec", stopCommand],
  ] as const;
  for (const [attribute, found] of programs) if (found) await findProgram(attribute, found.program, search);
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
  const { restart, dependsOn, probe, liveness, essential, user, group, stopCommand } = supervision;
  const parts = [
    ...(restart === "never" ? [] : [`restart ${restart}`]),
    ...(dependsOn.length === 0 ? [] : [`depends_on ${dependsOn.join(" ")}`]),
    ...(probe === undefined ? [] : [`ready_${probe.kind}`]),
    ...(liveness === undefined ? [] : [`live_${liveness.kind}`]),
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(stopCommand === undefined ? [] : ["stop_exec"]),
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
