// Entry of a task process: reads the provider's messages on file descriptor 3 and runs one service in the main thread, or
// several in worker threads beside each other.
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createLineSplitter } from "../protocol/lines.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readToTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import type { PrintedLine } from "../protocol/printed-lines.ts";
import { surviveStraySignals } from "../stray-signals.ts";
import { isInspected } from "./heartbeat.ts";
import { createOutputForwarding } from "./output-forwarding.ts";
import { runService } from "./run-service.ts";
import { isWorker, notATask, prepareWorkers, refuseToRun, runWorker } from "./worker.ts";

type Start = ToTask & { type: "start" };

/** How long this process may live on once the provider is gone, in milliseconds: no other process would end it. */
const ORPHAN_MS = 2_000;
/** How long a thread that is to be killed may take to end itself, in milliseconds. */
const KILL_MS = 500;

if (!isMainThread) runThread(readStart(workerData));
else if (isWorker()) runWorker().catch(refuseToRun);
else runProcess();

function runProcess(): void {
  const pipe = new Socket({ fd: 3 });
  const runs = new Map<string, (message: ToTask) => void>();
  const forward = createOutputForwarding(pipe);
  const send = (message: FromTask) => pipe.write(writePipe(message));
  const sendToAll = (type: "stop" | "bye") => {
    for (const [run, handler] of runs) handler({ type, run });
  };
  const lines = createLineSplitter((line) => {
    const message = readToTask(line);
    if (message.type !== "start") runs.get(message.run)?.(message);
    else if (message.start.isThread) startThread(message);
    else startHere(message);
  }, MAX_PIPE_LINE_LENGTH);

  pipe.setEncoding("utf8");
  pipe.on("data", (chunk: string) => lines.push(chunk));
  pipe.on("error", () => {}); // the provider is gone: `close` follows
  pipe.on("close", () => {
    sendToAll("stop");
    sendToAll("bye");
    if (runs.size === 0) process.exit(0);
    setTimeout(endGroup, ORPHAN_MS);
  });
  for (const signal of ["SIGTERM", "SIGQUIT"] as const) process.on(signal, () => sendToAll("stop"));
  // Ctrl-C in the terminal reaches the provider as well, which stops its tasks in order.
  process.on("SIGINT", () => {});
  // Not on stderr, whose last line is taken for the reason of a failure.
  surviveStraySignals((signal) => process.stdout.write(`${signal} ignored: this process has no handler for it\n`));

  function startHere(start: Start): void {
    if (start.start.stopSignal !== "SIGKILL") process.on(start.start.stopSignal, () => sendToAll("stop"));
    const receive = (handler: (message: ToTask) => void) => runs.set(start.run, handler);
    prepareWorkers(start);
    // The process exits by itself: what the user's code has left open must not keep an ended task alive.
    runService(start, { send, receive }).then((code) =>
      pipe.destroyed ? endGroup() : pipe.end(() => process.exit(code)),
    );
  }

  function startThread(start: Start): void {
    const { run } = start;
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: writePipe(start),
      stdout: true,
      stderr: true,
    });
    runs.set(run, (message) => {
      worker.postMessage(message);
      // It ends itself and closes its sockets: terminating a thread while a socket receives aborts the whole process.
      if (message.type === "kill") setTimeout(() => void worker.terminate(), KILL_MS).unref();
    });
    worker.on("message", (message: FromTask) => {
      // A thread can't tell that the process has a debugger, which may halt the thread as well.
      send(message.type === "beat" ? { ...message, isInspected: isInspected() } : message);
    });
    const print = (stream: "stdout" | "stderr") => (printed: PrintedLine) =>
      send({ type: "output", run, stream, ...withoutRepetition(printed) });
    const stdout = forward(worker.stdout, print("stdout"));
    const stderr = forward(worker.stderr, print("stderr"));
    worker.on("error", (error) => stderr.push(`${error.stack ?? error}\n`));
    worker.on("exit", async (code) => {
      // All it has printed goes before the message that it has ended.
      await Promise.all([stdout.ended, stderr.ended]);
      runs.delete(run);
      send({ type: "exit", run, code });
      if (pipe.destroyed && runs.size === 0) endGroup();
    });
  }
}

function withoutRepetition({ whole, ...rest }: PrintedLine): Omit<PrintedLine, "whole"> & { whole?: string } {
  return whole === rest.line ? rest : { ...rest, whole };
}

/** Ends this process and all it has started, as the provider would have done. */
function endGroup(): void {
  process.kill(-process.pid, "SIGKILL");
}

/** A thread that the user's code has started from this program has none. */
function readStart(data: unknown): Start {
  const message = typeof data === "string" ? readToTask(data) : undefined;
  if (message?.type !== "start") throw notATask();
  return message;
}

function runThread(start: Start): void {
  prepareWorkers(start);
  const send = (message: FromTask) => parentPort?.postMessage(message);
  const receive = (handler: (message: ToTask) => void) => parentPort?.on("message", handler);
  runService(start, { send, receive }).then((code) => process.exit(code));
}
