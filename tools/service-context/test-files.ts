// Finds the tests that stand beside the services of a context file, and says of each service that has none where they
// were looked for.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { quoteWord } from "../../src/config/command.ts";
import type { TaskServiceConfig } from "../../src/config/context-config.ts";
import { isBuiltIn, openServices } from "../../src/launch/code/services.ts";
import { say } from "../print.ts";

/** The test of a service: the file as it was written. */
export interface FoundTest {
  instance: string;
  source: string;
}

/** A service and where its test is looked for, in this order. */
interface Candidates {
  instance: string;
  paths: string[];
}

const ENDINGS = ["ts", "mts", "mjs", "js"];

/** The tests of the tasks' services; prints what is missing. */
export async function findTests(
  tasks: readonly TaskServiceConfig[],
  { file, roots }: { file: string; roots: string[] },
): Promise<FoundTest[]> {
  const services = await candidatesOf(tasks, { file, roots });
  if (services.length === 0) sayUntestable(file, tasks);
  const found = services.flatMap(({ instance, paths }) => {
    const source = paths.find((path) => existsSync(path));
    return source === undefined ? [] : [{ instance, source }];
  });
  const weight = found.length === 0 ? "error" : "warning";
  for (const { instance, paths } of services) {
    if (paths.some((path) => existsSync(path))) continue;
    const [first = ""] = paths;
    say(`${weight}: no test of ${instance}: no ${basename(first)} (or .mts, .mjs, .js) in ${dirname(first)}`);
  }
  return found;
}

async function candidatesOf(
  tasks: readonly TaskServiceConfig[],
  { file, roots }: { file: string; roots: string[] },
): Promise<Candidates[]> {
  const services = openServices({ file, ownTasks: tasks, roots });
  const candidates = new Map<string, Candidates>();
  for (const task of tasks.filter(mayHaveTests)) {
    const folder = dirname(await services.locate(task));
    const paths = ENDINGS.map((end) => join(folder, `${task.instance}.test.${end}`));
    candidates.set(join(folder, task.instance), { instance: task.instance, paths });
  }
  return [...candidates.values()];
}

/** Programs are tested in their own ways, and zcontext's own services are tested with it. */
function mayHaveTests(task: TaskServiceConfig): boolean {
  return task.serviceType !== "Executable" && !isBuiltIn(task);
}

/** Says that no service can have tests, and how programs are tested. */
function sayUntestable(file: string, tasks: readonly TaskServiceConfig[]): void {
  say(`error: ${file} has no service that could have tests`);
  const folders = new Set(tasks.flatMap((task) => pythonTestsOf(task, file) ?? []));
  for (const folder of folders) say(`hint: \`python3 -m unittest discover ${quoteWord(folder)}\` runs the tests there`);
  if (folders.size > 0 || !tasks.some(({ command }) => command !== undefined)) return;
  say("hint: programs are tested in their own ways, a Python service with `python3 -m unittest discover <its folder>`");
}

/** The folder of a Python service, as `create-service` lays it out, if it has tests. */
function pythonTestsOf({ instance, command }: TaskServiceConfig, file: string): string | undefined {
  const words = command === undefined ? [] : [command.program, ...command.words];
  const source = words.find((word) => basename(word) === `Service${instance}.py`);
  if (source === undefined) return undefined;
  const folder = dirname(resolve(dirname(file), source));
  return existsSync(join(folder, `test_${instance}.py`)) ? folder : undefined;
}
