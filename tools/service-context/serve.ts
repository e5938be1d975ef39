// What `service-context` does when it is not asked to look at a file: runs the provider until it is to leave, by a
// command, a signal, an essential task's end, the end of its transaction, or an internal error.
import type { ContextConfig } from "../../src/config/context-config.ts";
import { hasFailed } from "../../src/config/planned-change.ts";
import { type Provider, startProvider } from "../../src/context/provider/provider.ts";
import { longestStopMs } from "../../src/context/transaction/dependencies.ts";
import { together } from "../../src/context/transaction/observer.ts";
import type { Outcome } from "../../src/context/transaction/outcome.ts";
import { reasonOf, ZcontextError } from "../../src/errors.ts";
import { withCandidate, withInstalled } from "../../src/hub/install/installed-tasks.ts";
import { stateDirOf } from "../../src/launch/environment/state-folder.ts";
import type { Log } from "../../src/log.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { columns } from "../columns.ts";
import { assertFile, readContextFile } from "../context-file.ts";
import { createLog } from "../log.ts";
import type { LogLevel } from "../log-levels.ts";
import { emptied, UNREAD_MS } from "../outlet.ts";
import { answer, answerJson, EXIT } from "../print.ts";
import { type Notifier, openNotifier } from "../systemd/notifier.ts";
import { standingOf } from "../systemd/standing.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { Background } from "./background.ts";
import type { Dashboard } from "./dashboard.ts";
import { catchFatalErrors, type FatalErrors } from "./fatal-errors.ts";
import { initProblem } from "./init.ts";
import { createLogKeeper } from "./log-keeper.ts";
import { writePidFile } from "./pid-file.ts";
import { openProviderLog } from "./provider-log.ts";
import type { Recorder } from "./recorder.ts";
import type { Arrival, Signals } from "./signals.ts";
import type { Taken } from "./watch.ts";

/** The options that it takes; see `--help`. */
export interface ServeOptions {
  start?: string | true;
  until_done?: true;
  json?: true;
  services_root: string[];
  state_dir?: string;
  no_resume?: true;
  watch?: true;
  log_format: "pretty" | "json";
  log_level: LogLevel;
  http?: string;
  http_token?: string;
  history?: string | true;
  history_size?: number;
  log_size?: number;
  log_file_size?: number;
  log_files?: number;
  daemon?: true;
  pid_file?: string;
}

/** How often a provider that leaves logs the tasks it waits for, in milliseconds. */
const PROGRESS_MS = 1_000;
/** How long an orderly end takes beyond the grace periods, in milliseconds. */
const LAST_MS = 2_000;
const LEAVING = "leaving, once every task has stopped";
/** How many of the tasks it waits for are described. */
const MAX_DESCRIBED = 10;

/** Runs the provider of a context file until it is to leave; answers the exit code. */
export async function serve(
  file: string,
  options: ServeOptions,
  signals: Signals,
  background?: Background,
): Promise<number> {
  await using kept = background === undefined ? undefined : openProviderLog(file, options);
  const log = kept?.log ?? createLog(options.log_format, options.log_level);
  outliveReader(log);
  signals.onEach((arrival) => tell(arrival, log));
  warnWithoutInit(log);
  await using notifier = openNotifier(log);
  await assertFile(file);
  const config = await readContextFile(file);
  const fatalErrors = catchFatalErrors(log);
  try {
    // Tasks that come by message have the context's grace period, and depend on none.
    const stopMs = Math.max(longestStopMs(config.tasks), config.supervision.graceMs);
    return await Promise.race([
      run(config, {
        ...{ file, options, log, fatalErrors, signals, notifier, stopMs },
        onReady(transaction) {
          kept?.keep();
          background?.ready(transaction);
        },
        lastLines: async () => kept?.[Symbol.asyncDispose](),
      }),
      fatalErrors.endAfter(stopMs + LAST_MS),
    ]);
  } finally {
    // A broken process may hold on to anything; the guard ends the tasks that it leaves behind.
    if (fatalErrors.haveOccurred) {
      await kept?.[Symbol.asyncDispose]();
      await exit(EXIT.internal);
    }
  }
}

function tell({ signal, meaning }: Arrival, log: Log): void {
  if (meaning === "leave") log.info({ signal, hint: hintAfter(signal) }, LEAVING);
  else if (meaning === "hurry") log.info({ signal }, "ending every task now");
  else if (meaning === "again") log.debug({ signal }, "the same request to leave");
  else if (meaning === "reload") log.info({ signal }, "reading the context file again");
  else log.warn({ signal, reason: "it means nothing to a provider; SIGTERM asks it to leave" }, "signal ignored");
}

/** What the next one does. */
function hintAfter(signal: NodeJS.Signals): string | undefined {
  if (signal === "SIGHUP" || signal === "SIGXCPU") return undefined;
  const next = signal === "SIGINT" ? "press Ctrl-C again" : `send ${signal} again`;
  return `${next} to end every task at once`;
}

function warnWithoutInit(log: Log): void {
  const reason = initProblem();
  if (reason !== undefined) log.warn({ reason }, "no init reaps the orphans of tasks");
}

interface Running {
  file: string;
  options: ServeOptions;
  log: Log;
  fatalErrors: FatalErrors;
  signals: Signals;
  notifier: Notifier;
  /** How long an orderly stop of all tasks may take, in milliseconds. */
  stopMs: number;
  /** Called once the provider takes commands, with the transaction that it has been asked to start. */
  onReady(transaction: string | undefined): void;
  /** Resolves when all that was logged is where it is kept, or too long was not. */
  lastLines(): Promise<void>;
}

async function run(config: ContextConfig, running: Running): Promise<number> {
  const { file, options, log, fatalErrors, signals, notifier, onReady } = running;
  const { http, history, pid_file } = options;
  assertComplete(options);
  await using keeper = createLogKeeper(options, { file, logs: config.logs, log });
  await using recorder = history === undefined ? undefined : await openRecorder({ ...options, history }, { file, log });
  await using dashboard =
    http === undefined
      ? undefined
      : await openDashboard(
          { ...options, http },
          { log, keptHistory: recorder?.keptHistory, keptLogs: keeper?.keptLogs },
        );
  const extras = [recorder, dashboard].filter((one) => one !== undefined);
  const stateDir = options.state_dir ?? stateDirOf(file);
  const provider = await startProvider({
    config: await withInstalled(config, stateDir),
    file,
    read: async () => withCandidate(await readContextFile(file), stateDir),
    log,
    servicesRoots: options.services_root,
    resume: !options.no_resume,
    ...(options.state_dir === undefined ? {} : { stateDir: options.state_dir }),
    observer: together([...[...extras, keeper].flatMap((one) => one?.observer ?? []), notifier.observer]),
    watch: ({ publish, ...source }) =>
      startMonitor({
        sampler: createSampler(),
        ...source,
        publish: extras.reduce((tapped, { tap }) => tap(tapped), publish),
      }),
  }).catch((error: unknown) => {
    // What it could not close must not keep this process alive; by then the error has been printed.
    setTimeout(() => process.exit(), LAST_MS).unref();
    throw error;
  });
  keeper?.keep();
  recorder?.record(provider);
  dashboard?.show(provider);
  const { contextId, endpoints, pid } = provider;
  const standing = () => standingOf(provider.watched().flatMap(({ tasks }) => tasks));
  signals.onEach(({ meaning }) => {
    if (meaning === "hurry") provider.kill();
    if (meaning !== "reload") return;
    notifier.reloading();
    void reload(provider, log).finally(() => notifier.ready(standing));
  });
  void provider.asked.then(() => log.info({ command: "exit" }, LEAVING));
  const watching = new AbortController();
  let pidFile: AsyncDisposable | undefined;

  try {
    if (fatalErrors.haveOccurred) return EXIT.internal;
    if (signals.haveAsked) return EXIT.done;
    if (pid_file !== undefined) pidFile = await writePidFile(pid_file);
    log.info({ context: contextId, publish: endpoints.publish, subscribe: endpoints.subscribe, pid }, "provider ready");
    notifier.ready(standing);
    if (options.watch) void watch(provider, { file, log, signal: watching.signal });
    const transaction = transactionOf(provider, options);
    const done = begin(provider, options, transaction);
    onReady(transaction);
    const outcome = await Promise.race([done, provider.asked, provider.essentialEnd, signals.asked, fatalErrors.first]);
    if (outcome === undefined) return EXIT.done;
    return "code" in outcome ? outcome.code : report(outcome, options);
  } finally {
    watching.abort();
    await closeVisibly(provider, running);
    await pidFile?.[Symbol.asyncDispose]();
    // A process that can't be ended would keep this one for as long as it lives.
    if (provider.living().length > 0) {
      await running.lastLines();
      await exit(fatalErrors.haveOccurred ? EXIT.internal : EXIT.failed);
    }
    log.info({ context: provider.contextId, pid }, "provider left");
  }
}

// Loaded only on request.
async function watch(
  provider: Provider,
  { file, log, signal }: { file: string; log: Log; signal: AbortSignal },
): Promise<void> {
  const { watchChanges } = await import("./watch.ts");
  log.info({ file }, "watching the file and the code of its tasks");
  await watchChanges({ file, provider, apply: () => reload(provider, log), signal });
}

/** Has the provider take over its file, and answers what has become of it, as its log does. */
async function reload(provider: Provider, log: Log): Promise<Taken> {
  const before = provider.generation;
  try {
    const done = await provider.apply();
    const isNothing = provider.generation === before;
    if (isNothing) log.info({ generation: before }, "nothing to be done");
    const late = done.context.filter(({ effect }) => effect === "next-start").map(({ part }) => part);
    if (late.length > 0) log.warn({ parts: late }, "only a new start of the provider takes this over");
    return isNothing || hasFailed(done) ? "as far as it can be" : "whole";
  } catch (error) {
    const { code, details = [] } = error instanceof ZcontextError ? error : {};
    log.error({ code, reason: reasonOf(error), ...(details.length > 0 && { details }) }, "not reloaded");
    return "refused";
  }
}

/** Refuses an option that means nothing without another one. */
function assertComplete({ http, http_token, history, history_size }: ServeOptions): void {
  if (http === undefined && http_token !== undefined) throw incomplete("--http-token", "--http");
  if (history === undefined && history_size !== undefined) throw incomplete("--history-size", "--history");
}

function incomplete(given: string, missing: string): ZcontextError {
  return new ZcontextError("ERR_USAGE", `${given} requires ${missing}`, {
    hint: `Add ${missing}, or leave out ${given}; \`service-context --help\` explains them.`,
  });
}

// A closed stdout ends the other commands; a provider has more to do than to answer.
function outliveReader(log: Log): void {
  process.stdout.removeAllListeners("error").on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== "EPIPE") log.warn({ reason: message }, "can't write to stdout");
  });
}

/** Ends the process, whatever is still open, once its output has been read or too long was not. */
async function exit(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => emptied(stream, UNREAD_MS)));
  process.exit(code);
}

// Loaded only on request: most providers have neither.
async function openDashboard(...words: Parameters<typeof import("./dashboard.ts").openDashboard>): Promise<Dashboard> {
  return (await import("./dashboard.ts")).openDashboard(...words);
}

async function openRecorder(...words: Parameters<typeof import("./recorder.ts").openRecorder>): Promise<Recorder> {
  return (await import("./recorder.ts")).openRecorder(...words);
}

/** The transaction that the options ask for: one that was resumed counts as the start. */
function transactionOf({ resumed }: Provider, { start, until_done }: ServeOptions): string | undefined {
  if (start === undefined && !until_done) return undefined;
  const named = typeof start === "string" && start !== "" ? start : undefined;
  return resumed.find((id) => named === undefined || id === named) ?? named ?? generateTransaction();
}

/** Starts the transaction; without --until-done it never resolves. */
function begin(provider: Provider, options: ServeOptions, transaction: string | undefined): Promise<Outcome> {
  const never = new Promise<never>(() => {});
  if (transaction === undefined) return never;
  if (!options.json) answer(`transaction ${transaction}`);
  else if (!options.until_done) answerJson({ transaction });
  const done = options.until_done ? provider.untilDone(transaction) : never;
  if (!provider.resumed.includes(transaction)) provider.start(transaction);
  return done;
}

function report(outcome: Outcome, { json }: ServeOptions): number {
  const failed = outcome.tasks.some(({ state }) => state === "failed");
  if (json) answerJson({ ...outcome, result: failed ? "failure" : "success" });
  else
    answer(
      columns(
        ["TASK", "STATE", "RUNS", "REASON"],
        outcome.tasks.map(({ id, state, runs, reason = "" }) => [id, wordsFor(state), `${runs}`, reason]),
      ),
    );
  return failed ? EXIT.failed : EXIT.done;
}

/** Closes the provider, and tells meanwhile which tasks it waits for. */
async function closeVisibly(
  provider: Provider,
  { log, notifier, stopMs }: Pick<Running, "log" | "notifier" | "stopMs">,
): Promise<void> {
  notifier.stopping("leaving", stopMs + LAST_MS);
  const progress = setInterval(async () => {
    const waitingFor = (await provider.pendingStops(MAX_DESCRIBED)).map(describe);
    const living = provider.living();
    if (living.length === 0) return;
    log.info({ living, waiting_for: waitingFor }, "waiting for tasks");
    notifier.status(`leaving, waiting for ${waitingFor.join(", ")}`);
  }, PROGRESS_MS);
  await provider.close().finally(() => clearInterval(progress));
}

/** `ts004 (12 s, SIGTERM sent, 3 pids)` */
function describe({ task, forMs, signal, pids }: Awaited<ReturnType<Provider["pendingStops"]>>[number]): string {
  const sent = signal === undefined ? "asked" : `${signal} sent`;
  const processes = pids.length === 1 ? `pid ${pids[0]}` : `${pids.length} pids`;
  return `${task} (${Math.round(forMs / 1_000)} s, ${sent}, ${processes})`;
}
