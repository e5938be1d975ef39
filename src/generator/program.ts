// Writes a task that is any program into a context file: a new one, or an existing one, whose comments and layout stay. Pure.
import { quoteWord } from "../config/command.ts";
import { parseContextConfig, readContextRoot } from "../config/context-config.ts";
import { textAt } from "../config/xml/element.ts";
import { positionsIn } from "../config/xml/position.ts";
import { ZcontextError } from "../errors.ts";
import { addTaskServices, replaceTaskService } from "./context-update.ts";
import { ESCAPES } from "./render.ts";

/** A task that runs a program. */
export interface ProgramTask {
  /** Its id, and its service name. */
  name: string;
  /** The program, with a path as the context file needs it, and its arguments. */
  words: readonly string[];
  instances?: string | undefined;
  description?: string | undefined;
  /** Whether it runs when the context starts. */
  entry: "on_start" | "on_demand";
  /** Attributes of its `<Supervision>`, in their order. */
  supervision: readonly (readonly [name: string, value: string])[];
  environment: readonly (readonly [name: string, value: string])[];
}

export interface WrittenProgram {
  text: string;
  fate: "added" | "replaced";
}

/**
 * The text of a context file with a program in it.
 *
 * @param options.file - The name for messages.
 * @param options.force - A task of that id is replaced.
 * @throws {ZcontextError} `ERR_CONFIG_INVALID` where the text is no valid context, `ERR_TARGET_REFUSED` where the id is taken,
 *   `ERR_USAGE` where the task would not be valid.
 */
export function withProgram(
  text: string,
  task: ProgramTask,
  { file, force }: { file: string; force: boolean },
): WrittenProgram {
  const root = readContextRoot(text, { file });
  const services = root.children.filter(({ name }) => name === "TaskService");
  const present = services.find((service) => textAt(service, "id")?.value === task.name);
  if (present !== undefined && !force)
    throw new ZcontextError(
      "ERR_TARGET_REFUSED",
      `${file}:${positionsIn(text)(present.place)}: there is a task ${task.name} already; nothing was written`,
      { hint: "Give the new one another name, or replace that one with --force; --dry-run shows what would change." },
    );
  // A file that is wrong already is not to be blamed on the new task.
  if (services.length > 0) parseContextConfig(text, { file });
  const addition = elementOf(task);
  const after = present === undefined ? addTaskServices(text, [addition]) : replaceTaskService(text, present, addition);
  assertValid(after, task);
  return { text: after, fate: present === undefined ? "added" : "replaced" };
}

function assertValid(text: string, { name }: ProgramTask): void {
  try {
    parseContextConfig(text);
  } catch (error) {
    if (!(error instanceof ZcontextError)) throw error;
    // Its place in a file that is not written helps nobody.
    const details = error.details.map((detail) => detail.replace(/^[^:]*:\d+:\d+: (?:TaskService \S+, )?/, ""));
    throw new ZcontextError("ERR_USAGE", `${name} can't be added like this`, {
      details,
      hint: "Nothing was written. Each name is that of the attribute in the file; `zcontext new --help` has the options.",
    });
  }
}

/** From the first column on, as `addTaskServices` takes it. */
function elementOf({ name, words, instances, description, entry, supervision, environment }: ProgramTask): string {
  const { xml, attribute } = ESCAPES;
  const given = (pairs: ProgramTask["supervision"]) =>
    pairs.map(([key, value]) => ` ${key}="${attribute(value)}"`).join("");
  const service = given([
    ["id", name],
    ...(instances === undefined ? [] : ([["instances", instances]] as const)),
    ...([
      ["topic", "process"],
      ["instance", instanceNameOf(name)],
      ["serviceType", "Executable"],
    ] as const),
  ]);
  const variables = environment.map(
    ([key, value]) => `    <environment name="${attribute(key)}">${xml(value)}</environment>`,
  );
  const own = `  <Supervision${given(supervision)}`;
  return [
    `<TaskService${service}>`,
    `  <command>${xml(words.map(quoteWord).join(" "))}</command>`,
    ...(supervision.length + variables.length === 0 ? [] : variables.length === 0 ? [`${own}/>`] : []),
    ...(variables.length === 0 ? [] : [`${own}>`, ...variables, "  </Supervision>"]),
    "  <Task>",
    ...(description === undefined ? [] : [`    <description>${xml(description)}</description>`]),
    "    <message>",
    `      <header><action>start</action><service_name>${xml(name)}</service_name></header>`,
    `      <content><configuration><device_action>${xml(name)}</device_action></configuration></content>`,
    "    </message>",
    `    <state type="${entry}"/>`,
    "  </Task>",
    "</TaskService>",
  ].join("\n");
}

/** `nightly-backup` as `NightlyBackup`. */
function instanceNameOf(name: string): string {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== "");
  return parts
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("")
    .slice(0, 63);
}
