// What `service-context --test` does: runs the tests that stand beside the services of a context file, with Node's own
// runner.
import { once } from "node:events";
import { basename } from "node:path";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";
import { stripVTControlCharacters } from "node:util";
import { prepareSource } from "../../src/launch/code/compile.ts";
import { stateDirOf } from "../../src/launch/environment/state-folder.ts";
import { readContextFile } from "../context-file.ts";
import { answerJson, EXIT, isColoured } from "../print.ts";
import { stopAtSignal } from "./stop-at-signal.ts";
import { type FoundTest, findTests } from "./test-files.ts";

/** The options that it takes; see `--help`. */
interface Options {
  json?: true;
  services_root: string[];
  state_dir?: string;
}

/** The test of a service, and the module that Node runs of it. */
interface TestFile extends FoundTest {
  module: string;
}

interface Result {
  instance: string;
  name: string;
  ok: boolean;
  reason?: string;
}

/** Runs the tests of the services of a context file; answers the exit code. */
export async function testServices(file: string, options: Options): Promise<number> {
  const { tasks } = await readContextFile(file);
  const found = await findTests(tasks, { file, roots: options.services_root });
  const stateDir = options.state_dir ?? stateDirOf(file);
  const tests = await Promise.all(
    found.map(async (test) => ({ ...test, module: await prepareSource(test.source, stateDir) })),
  );

  const stop = stopAtSignal();
  const allPass = options.json ? await answerResults(tests, stop) : await printResults(tests, stop);
  return allPass && tests.length > 0 ? EXIT.done : EXIT.failed;
}

/** Prints the results as Node's own reporter does; answers whether all tests have passed. */
async function printResults(tests: readonly TestFile[], stop: AbortSignal): Promise<boolean> {
  if (tests.length === 0) return false;
  const reporter = new spec();
  // The reporter decides by stderr whether to colour, but we print to stdout.
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

/** Prints the results as JSON, and what the tests themselves print to stderr. */
async function answerResults(tests: readonly TestFile[], stop: AbortSignal): Promise<boolean> {
  const results: Result[] = [];
  // One file after the other: an event may name a file that the test file imports, so it does not tell whose it is.
  for (const test of tests) results.push(...(await resultsOf(test, stop)));
  const allPass = results.every(({ ok }) => ok) && tests.length > 0;
  answerJson({ result: allPass ? "success" : "failure", tests: results });
  return allPass;
}

async function resultsOf(test: TestFile, stop: AbortSignal): Promise<Result[]> {
  const results: Result[] = [];
  const names: string[] = [];
  let stderr = "";
  for await (const { type, data } of eventsOf([test], stop)) {
    if (type === "test:stdout" || type === "test:stderr") process.stderr.write(data.message);
    if (type === "test:stderr") stderr += data.message;
    if (type === "test:start") names.splice(data.nesting, names.length, data.name);
    if ((type !== "test:pass" && type !== "test:fail") || isGroup(data.details)) continue;
    const isWholeFile = data.nesting === 0 && data.name.endsWith(basename(test.module));
    const name = isWholeFile ? basename(test.source) : [...names.slice(0, data.nesting), data.name].join(" > ");
    const ok = !isFailure({ type, data } as TestEvent);
    const reason = ok ? {} : { reason: (isWholeFile && stderr.trim()) || reasonOf(data.details) };
    results.push({ instance: test.instance, name, ok, ...reason });
  }
  return results;
}

interface Details {
  type?: string | undefined;
  error?: Error & { failureType?: string };
}

/** Whether a result only sums up others that have events of their own. */
function isGroup({ type, error }: Details): boolean {
  return type === "suite" && (error === undefined || error.failureType === "subtestsFailed");
}

/** The message of what the test has thrown, which Node wraps. */
function reasonOf({ error }: Details): string {
  const thrown = error?.cause instanceof Error ? error.cause : error;
  return stripVTControlCharacters(thrown?.message ?? "failed");
}

/** Whether a test has failed; one that is marked as `todo` may. */
function isFailure({ type, data }: TestEvent): boolean {
  return type === "test:fail" && (data.todo === undefined || data.todo === false);
}

/** The events of Node's runner, which runs each file in a process of its own. */
function eventsOf(tests: readonly TestFile[], stop: AbortSignal): AsyncIterable<TestEvent> {
  // When this process is part of a test itself, run() would take the files for parts of that test and run nothing.
  delete process.env.NODE_TEST_CONTEXT;
  // The processes inherit it: the stack of an error then names the source instead of the compiled module.
  if (!process.execArgv.includes("--enable-source-maps")) process.execArgv.push("--enable-source-maps");
  return run({ files: tests.map(({ module }) => module), concurrency: true, signal: stop });
}
