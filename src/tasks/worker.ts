// Runs a service once more in a process that the service itself has forked from its own program, such as a worker of
// node:cluster. Only the process that the provider has started speaks with the provider: a worker has no pipe and no
// heartbeat, and its end is the affair of the process that has forked it.
import { randomUUID } from "node:crypto";
import { reasonOf, ZcontextError } from "../errors.ts";
import { WORKER } from "../protocol/environment.ts";
import { readToTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { runService } from "./run-service.ts";

type Start = ToTask & { type: "start" };

/** More than an environment variable takes. */
const MAX_BYTES = 100 * 1024;
const HINT =
  'start a file of your own: fork(new URL("./worker.js", import.meta.url)), or cluster.setupPrimary({ exec })';

/** Whether this process was started by a service and not by a provider, which uses no channel of Node's. */
export function isWorker(): boolean {
  return process.send !== undefined || process.env[WORKER] !== undefined;
}

/** Lets the processes that are forked from here on run this service. */
export function prepareWorkers(start: Start): void {
  const text = writePipe(start);
  process.env[WORKER] = Buffer.byteLength(text) > MAX_BYTES ? "" : text;
}

/** Runs the service in this process, and ends it. */
export async function runWorker(): Promise<void> {
  const start = readStart();
  const { run } = start;
  let tell: (message: ToTask) => void = () => {};
  const stop = () => tell({ type: "stop", run });
  for (const signal of new Set(["SIGTERM", "SIGQUIT", start.start.stopSignal])) {
    if (signal !== "SIGKILL") process.on(signal, stop);
  }
  process.on("SIGINT", () => {});
  // The process that has forked it is gone.
  process.on("disconnect", stop);
  const code = await runService(
    start,
    {
      send(message) {
        if (message.type === "announce") tell({ type: "heard", run, sequence: message.sequence });
        if (message.type === "ending") tell({ type: "bye", run });
      },
      receive(handler) {
        tell = handler;
      },
    },
    { isWorker: true },
  );
  process.exit(code);
}

/** Why a process or a thread that was started from the program of a task can't run it. */
export function notATask(): ZcontextError {
  return new ZcontextError(
    "ERR_SERVICE_INVALID",
    `a service has started the program of its own task again, which only a provider or fork() can start; ${HINT}; set options of Node by NODE_OPTIONS in <environment>`,
  );
}

function readStart(): Start {
  const text = process.env[WORKER];
  if (process.send === undefined || text === undefined) throw notATask();
  if (text === "")
    throw new ZcontextError(
      "ERR_SERVICE_INVALID",
      `the task has too long a configuration to hand it to a worker; ${HINT}`,
    );
  const message = readToTask(text);
  if (message.type !== "start") throw notATask();
  // Under an incarnation of its own: the provider orders the announcements of a run by their numbers.
  return { ...message, run: randomUUID(), start: { ...message.start, heartbeatMs: 0 } };
}

/** Says why this process can't run, as the last line that it prints, and ends it. */
export function refuseToRun(error: unknown): void {
  process.stderr.write(`${reasonOf(error)}\n`, () => process.exit(1));
}
