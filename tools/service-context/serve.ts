// What `service-context` does, once its words are understood: runs the provider of a context file.
import { setTimeout as pause } from "node:timers/promises";
import type { ContextConfig } from "../../src/config/context-config.ts";
import { type Provider, startProvider } from "../../src/context/provider/provider.ts";
import { longestStopMs } from "../../src/context/transaction/dependencies.ts";
import { together } from "../../src/context/transaction/observer.ts";
import type { Outcome } from "../../src/context/transaction/outcome.ts";
import { deferred } from "../../src/deferred.ts";
import { ZcontextError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import { wordsFor } from "../../src/protocol/task-state.ts";
import { columns } from "../columns.ts";
import { assertFile, readContextFile } from "../context-file.ts";
import { createLog } from "../log.ts";
import type { LogLevel } from "../log-levels.ts";
import { emptied } from "../outlet.ts";
import { answer, answerJson, EXIT } from "../print.ts";
import { UNREAD_MS } from "../program.ts";
import { generateTransaction } from "../transaction-id.ts";
import type { Dashboard } from "./dashboard.ts";
import type { Recorder } from "./recorder.ts";
import type { Signals } from "./signals.ts";

/** The options that say how; see `--help`. */
interface Options {
  start?: string | true;
  until_done?: true;
  json?: true;
  services_root: string[];
  state_dir?: string;
  no_resume?: true;
  log_format: "pretty" | "json";
  log_level: LogLevel;
  http?: string;
  http_token?: string;
  history?: string | true;
  history_size?: number;
}

/** How often a provider that leaves says whom it waits for, in milliseconds. */
const PROGRESS_MS = 1_000;
/** What an orderly end takes beyond the grace periods, in milliseconds. */
const LAST_MS = 2_000;
/** Said once, whoever has asked. */
const LEAVING = "leaving, once every task has stopped";
/** So many of those it waits for are described. */
const MOST_NAMED = 10;

/** Runs the provider of a context file until it is to leave; answers the exit code. */
export async function serve(file: string, options: Options, signals: Signals): Promise<number> {
  const log = createLog(options.log_format, options.log_level);
  outlastReader(log);
  signals.follow((signal, count) => log.info({ signal }, count === 1 ? LEAVING : "ending every task now"));
  await assertFile(file);
  const config = await readContextFile(file);
  if (process.pid === 1)
    log.warn({ reason: "run it under an init, such as docker run --init" }, "no init reaps the orphans of tasks");
  const breakdown = expectBreakdown(log);
  try {
    // Those that come by message have the Context's grace period, and need nobody.
    const stopMs = Math.max(longestStopMs(config.tasks), config.supervision.graceMs);
    return await Promise.race([
      run(config, { file, options, log, breakdown, signals }),
      breakdown.over(stopMs + LAST_MS),
    ]);
  } finally {
    // What is broken may hold on to anything; what it leaves behind is ended by its guard.
    if (breakdown.hasCome) await exit(EXIT.internal);
  }
}

async function run(
  config: ContextConfig,
  {
    file,
    options,
    log,
    breakdown,
    signals,
  }: { file: string; options: Options; log: Log; breakdown: Breakdown; signals: Signals },
): Promise<number> {
  const { http, history } = options;
  assertNothingIdle(options);
  await using recorder = history === undefined ? undefined : await openRecorder({ ...options, history }, { file, log });
  await using dashboard =
    http === undefined
      ? undefined
      : await openDashboard({ ...options, http }, { config, log, keptHistory: recorder?.keptHistory });
  const watchers = [recorder, dashboard].filter((watcher) => watcher !== undefined);
  const provider = await startProvider({
    config,
    file,
    log,
    servicesRoots: options.services_root,
    resume: !options.no_resume,
    ...(options.state_dir === undefined ? {} : { stateDir: options.state_dir }),
    observer: together(watchers.map(({ observer }) => observer)),
    watch: ({ publish, ...source }) =>
      startMonitor({
        sampler: createSampler(),
        ...source,
        publish: watchers.reduce((heard, { hearing }) => hearing(heard), publish),
      }),
  }).catch((error: unknown) => {
    // Whatever it could not close must not keep us, half dead; by then the error has been told.
    setTimeout(() => process.exit(), LAST_MS).unref();
    throw error;
  });
  recorder?.record(provider);
  dashboard?.show(provider);
  const { contextId, endpoints, pid } = provider;
  signals.follow((_, count) => count > 1 && provider.kill());
  void provider.asked.then(() => log.info({ command: "exit" }, LEAVING));

  try {
    if (breakdown.hasCome) return EXIT.internal;
    if (signals.haveCome) return EXIT.done;
    log.info({ context: contextId, publish: endpoints.publish, subscribe: endpoints.subscribe, pid }, "provider ready");
    const outcome = await Promise.race([
      begin(provider, options),
      provider.asked,
      provider.essentialEnd,
      signals.come,
      breakdown.comes,
    ]);
    if (outcome === undefined) return EXIT.done;
    return "code" in outcome ? outcome.code : report(outcome, options);
  } finally {
    await closeVisibly(provider, log);
    log.info({ context: provider.contextId, pid }, "provider left");
    // What can't be ended would keep us for as long as it lives.
    if (provider.living().length > 0) await exit(EXIT.failed);
  }
}

/** Refuses an option that says how, without the one that says that. */
function assertNothingIdle({ http, http_token, history, history_size }: Options): void {
  if (http === undefined && http_token !== undefined)
    throw new ZcontextError("ERR_USAGE", "--http-token is for --http, which says where the dashboard is");
  if (history === undefined && history_size !== undefined)
    throw new ZcontextError("ERR_USAGE", "--history-size is for --history, which keeps one");
}

// A provider has more to do than to answer.
function outlastReader(log: Log): void {
  process.stdout.removeAllListeners("error").on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== "EPIPE") log.warn({ reason: message }, "can't write to stdout");
  });
}

/** Ends the process, whatever it holds on to, once what it has said has got out, or nobody reads it. */
async function exit(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => emptied(stream, UNREAD_MS)));
  process.exit(code);
}

// Loaded when they are asked for: most providers have none.
async function openDashboard(...words: Parameters<typeof import("./dashboard.ts").openDashboard>): Promise<Dashboard> {
  return (await import("./dashboard.ts")).openDashboard(...words);
}

async function openRecorder(...words: Parameters<typeof import("./recorder.ts").openRecorder>): Promise<Recorder> {
  return (await import("./recorder.ts")).openRecorder(...words);
}

/** An exception that nobody has caught: half dead is worse than an end. */
interface Breakdown {
  readonly hasCome: boolean;
  /** Resolves at the first one. */
  readonly comes: Promise<void>;
  /** Resolves so long after the first one: by then the provider has left in order, or is not able to. */
  over(ms: number): Promise<number>;
}

function expectBreakdown(log: Log): Breakdown {
  const { promise: comes, resolve } = deferred();
  let hasCome = false;
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      // Only the first one says what is wrong: of what follows there may be no end.
      if (!hasCome)
        log.error({ reason: error instanceof Error ? error.stack : String(error) }, "internal error, leaving");
      hasCome = true;
      resolve();
    });
  }
  return {
    get hasCome() {
      return hasCome;
    },
    comes,
    async over(ms) {
      await comes;
      return pause(ms, EXIT.internal);
    },
  };
}

// Without --until-done this never resolves: the provider waits for commands.
function begin(provider: Provider, options: Options): Promise<Outcome> {
  const never = new Promise<never>(() => {});
  if (options.start === undefined && !options.until_done) return never;
  const named = typeof options.start === "string" && options.start !== "" ? options.start : undefined;
  // What an earlier provider was running goes on: it is the start that is asked for here, and not to be doubled.
  const going = provider.resumed.find((id) => named === undefined || id === named);
  const transaction = going ?? named ?? generateTransaction();
  if (!options.json) answer(`transaction ${transaction}`);
  else if (!options.until_done) answerJson({ transaction });
  const done = options.until_done ? provider.untilDone(transaction) : never;
  if (going === undefined) provider.start(transaction);
  return done;
}

function report(outcome: Outcome, { json }: Options): number {
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

/** Closes the provider and says who keeps it waiting. */
async function closeVisibly(provider: Provider, log: Log): Promise<void> {
  const progress = setInterval(async () => {
    const pendingStops = await provider.pendingStops(MOST_NAMED);
    const living = provider.living();
    if (living.length > 0) log.info({ living, waiting_for: pendingStops.map(describe) }, "waiting for tasks");
  }, PROGRESS_MS);
  await provider.close().finally(() => clearInterval(progress));
}

/** `ts004 (12 s, SIGTERM sent, 3 pids)` */
function describe({ task, forMs, signal, pids }: Awaited<ReturnType<Provider["pendingStops"]>>[number]): string {
  const sent = signal === undefined ? "asked" : `${signal} sent`;
  const who = pids.length === 1 ? `pid ${pids[0]}` : `${pids.length} pids`;
  return `${task} (${Math.round(forMs / 1_000)} s, ${sent}, ${who})`;
}
