// What `service-context <file> --test` does: runs the tests that stand beside the services of a context file.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";
import { stripVTControlCharacters } from "node:util";
import { quoteWord } from "../../src/config/command.ts";
import type { TaskServiceConfig } from "../../src/config/context-config.ts";
import { prepareSource, stateDirOf } from "../../src/launch/compile.ts";
import { openServices } from "../../src/launch/services.ts";
import { readContextFile } from "../context-file.ts";
import { answerJson, EXIT, isColoured, say } from "../print.ts";

/** The options that say how; see `--help`. */
interface Options {
  json?: true;
  services_root: string[];
  state_dir?: string;
}

/** A service and where its tests are looked for, in this order. */
interface Place {
  instance: string;
  candidates: string[];
}

/** The test file of a service, and what Node runs of it. */
interface TestFile {
  instance: string;
  source: string;
  module: string;
}

interface Result {
  instance: string;
  name: string;
  ok: boolean;
  reason?: string;
}

const ENDINGS = ["ts", "mts", "mjs", "js"];

/** Runs the tests of the services of a context file; answers the exit code. */
export async function testServices(file: string, options: Options): Promise<number> {
  const { tasks } = await readContextFile(file);
  const places = await placesOf(tasks, file, options);
  const found = places.flatMap(({ instance, candidates }) => {
    const source = candidates.find((path) => existsSync(path));
    return source === undefined ? [] : [{ instance, source }];
  });
  if (places.length === 0) sayNone(file, tasks);
  sayMissing(places, found);
  const stateDir = options.state_dir ?? stateDirOf(file);
  const tests = await Promise.all(
    found.map(async (test) => ({ ...test, module: await prepareSource(test.source, stateDir) })),
  );

  const stop = stopAtSignal();
  const allPass = options.json ? await answerResults(tests, stop) : await printResults(tests, stop);
  return allPass && tests.length > 0 ? EXIT.done : EXIT.failed;
}

// --- finding ---------------------------------------------------------------------------------------------------------

async function placesOf(tasks: readonly TaskServiceConfig[], file: string, options: Options): Promise<Place[]> {
  const services = openServices({ file, ownTasks: tasks, roots: options.services_root });
  const places = new Map<string, Place>();
  for (const task of tasks.filter(mayHaveTests)) {
    const folder = dirname(await services.locate(task));
    const candidates = ENDINGS.map((end) => join(folder, `${task.instance}.test.${end}`));
    places.set(join(folder, task.instance), { instance: task.instance, candidates });
  }
  return [...places.values()];
}

/** Programs are tested in their own ways, and what comes with zcontext is tested there. */
function mayHaveTests({ serviceType, instance }: TaskServiceConfig): boolean {
  return serviceType !== "Executable" && instance !== "Monitor";
}

/** Says that there is nothing to test here, and how programs are tested. */
function sayNone(file: string, tasks: readonly TaskServiceConfig[]): void {
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

function sayMissing(places: readonly Place[], found: readonly { instance: string }[]): void {
  const weight = found.length === 0 ? "error" : "warning";
  for (const { instance, candidates } of places) {
    if (candidates.some((path) => existsSync(path))) continue;
    const [first = ""] = candidates;
    say(`${weight}: no test of ${instance}: no ${basename(first)} (or .mts, .mjs, .js) in ${dirname(first)}`);
  }
}

// --- running ---------------------------------------------------------------------------------------------------------

/** Prints what Node's own reporter makes of the tests; answers whether all have passed. */
async function printResults(tests: readonly TestFile[], stop: AbortSignal): Promise<boolean> {
  if (tests.length === 0) return false;
  const reporter = new spec();
  // It decides by stderr whether to colour; what it prints goes to stdout.
  const plain = isColoured(process.stdout) ? (text: string) => text : stripVTControlCharacters;
  reporter.on("data", (text) => process.stdout.write(plain(String(text))));
  let allPass = true;
  for await (const event of eventsOf(tests, stop)) {
    allPass &&= !isFailure(event);
    reporter.write(event);
  }
  reporter.end();
  await once(reporter, "end");
  return allPass;
}

/** The same as JSON. What the tests themselves print goes to stderr. */
async function answerResults(tests: readonly TestFile[], stop: AbortSignal): Promise<boolean> {
  const results: Result[] = [];
  // One after the other: an event names the file that has the test, which may be one that the test file imports.
  for (const test of tests) results.push(...(await resultsOf(test, stop)));
  const allPass = results.every(({ ok }) => ok) && tests.length > 0;
  answerJson({ result: allPass ? "success" : "failure", tests: results });
  return allPass;
}

async function resultsOf(test: TestFile, stop: AbortSignal): Promise<Result[]> {
  const results: Result[] = [];
  const names: string[] = [];
  let complaint = "";
  for await (const { type, data } of eventsOf([test], stop)) {
    if (type === "test:stdout" || type === "test:stderr") process.stderr.write(data.message);
    if (type === "test:stderr") complaint += data.message;
    if (type === "test:start") names.splice(data.nesting, names.length, data.name);
    if ((type !== "test:pass" && type !== "test:fail") || isGroup(data.details)) continue;
    const isWholeFile = data.nesting === 0 && data.name.endsWith(basename(test.module));
    const name = isWholeFile ? basename(test.source) : [...names.slice(0, data.nesting), data.name].join(" > ");
    const ok = !isFailure({ type, data } as TestEvent);
    const reason = ok ? {} : { reason: (isWholeFile && complaint.trim()) || reasonOf(data.details) };
    results.push({ instance: test.instance, name, ok, ...reason });
  }
  return results;
}

interface Details {
  type?: string | undefined;
  error?: Error & { failureType?: string };
}

/** Whether a result only sums up others that are told as well. */
function isGroup({ type, error }: Details): boolean {
  return type === "suite" && (error === undefined || error.failureType === "subtestsFailed");
}

/** Node wraps what the test has thrown. */
function reasonOf({ error }: Details): string {
  const thrown = error?.cause instanceof Error ? error.cause : error;
  return stripVTControlCharacters(thrown?.message ?? "failed");
}

/** A test that is still to do may fail. */
function isFailure({ type, data }: TestEvent): boolean {
  return type === "test:fail" && (data.todo === undefined || data.todo === false);
}

/** What Node's runner says; it runs each file in a process of its own. */
function eventsOf(tests: readonly TestFile[], stop: AbortSignal): AsyncIterable<TestEvent> {
  // Within a test of somebody's, run() would take itself for a part of that and run nothing.
  delete process.env.NODE_TEST_CONTEXT;
  // Handed on to the processes: the stack of an error then names the source rather than what was compiled from it.
  if (!process.execArgv.includes("--enable-source-maps")) process.execArgv.push("--enable-source-maps");
  return run({ files: tests.map(({ module }) => module), concurrency: true, signal: stop });
}

/** Aborted by the first signal to end: the processes of the tests must not outlive this one. */
function stopAtSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => stop.abort());
  return stop.signal;
}
