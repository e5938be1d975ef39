// What `service-context` does, once its words are understood: runs the provider of a context file.
import { readFileSync } from "node:fs";
import { type Provider, startProvider } from "../src/context/provider.ts";
import type { Outcome } from "../src/context/transactions.ts";
import type { Log } from "../src/log.ts";
import { startMonitor } from "../src/monitor/publish.ts";
import { createSampler } from "../src/monitor/sample.ts";
import { columns } from "./columns.ts";
import { readContextFile } from "./context-file.ts";
import { createLog } from "./log.ts";
import type { LogLevel } from "./log-levels.ts";
import { answer, answerJson, EXIT } from "./print.ts";
import { generateTransaction } from "./transaction-id.ts";

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
}

/** How often a provider that leaves says whom it waits for, in milliseconds. */
const PROGRESS_MS = 1_000;

/** Runs the provider of a context file until it is to leave; answers the exit code. */
export async function serve(file: string, options: Options): Promise<number> {
  const config = await readContextFile(file);
  const log = createLog(options.log_format, options.log_level);
  const provider = await startProvider({
    config,
    file,
    log,
    servicesRoots: options.services_root,
    resume: !options.no_resume,
    ...(options.state_dir === undefined ? {} : { stateDir: options.state_dir }),
    watch: (source) => startMonitor({ sampler: createSampler(), ...source }),
  });
  const { contextId, endpoints, pid } = provider;
  log.info({ context: contextId, publish: endpoints.publish, subscribe: endpoints.subscribe, pid }, "provider ready");

  try {
    const outcome = await Promise.race([
      begin(provider, options),
      provider.asked,
      provider.essentialEnd,
      signalled(provider, log),
      broken(log),
    ]);
    if (outcome === BROKEN) return EXIT.internal;
    if (outcome === undefined) return EXIT.done;
    return "code" in outcome ? outcome.code : report(outcome, options);
  } finally {
    await closeVisibly(provider, log);
    log.info({ context: provider.contextId, pid }, "provider left");
  }
}

const BROKEN = Symbol("broken");

/** Resolves at the first exception that nobody has caught: half dead is worse than an orderly end. */
function broken(log: Log): Promise<typeof BROKEN> {
  return new Promise((resolve) => {
    for (const event of ["uncaughtException", "unhandledRejection"] as const) {
      process.on(event, (error: unknown) => {
        log.error({ reason: error instanceof Error ? error.stack : String(error) }, "internal error, leaving");
        resolve(BROKEN);
      });
    }
  });
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
        outcome.tasks.map(({ id, state, runs, reason = "" }) => [id, state, `${runs}`, reason]),
      ),
    );
  return failed ? EXIT.failed : EXIT.done;
}

/** Resolves at the first signal to end; the second one ends everything at once. */
function signalled(provider: Provider, log: Log): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    const signals = ["SIGINT", "SIGTERM", ...(isHangupIgnored() ? [] : ["SIGHUP" as const])] as const;
    for (const signal of signals) {
      process.on(signal, () => {
        count += 1;
        log.info({ signal }, count === 1 ? "leaving, once every task has stopped" : "ending every task now");
        if (count === 1) resolve();
        else provider.kill();
      });
    }
  });
}

/** Whether whoever started us wants us to outlive the terminal, as nohup does; a handler would undo that. */
function isHangupIgnored(): boolean {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
  } catch {
    return false; // no /proc to ask
  }
}

/** Closes the provider and says who keeps it waiting. */
async function closeVisibly(provider: Provider, log: Log): Promise<void> {
  const progress = setInterval(() => {
    const living = provider.living();
    if (living.length > 0) log.info({ living }, "waiting for tasks");
  }, PROGRESS_MS);
  await provider.close().finally(() => clearInterval(progress));
}
