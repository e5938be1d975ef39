// Entry of a task process: one service in the main thread, or several in worker threads beside each other.
import { once } from "node:events";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { createLineSplitter, MAX_LINE_LENGTH } from "../protocol/lines.ts";
import { type FromTask, MAX_PIPE_LINE_LENGTH, readToTask, type ToTask, writePipe } from "../protocol/pipe.ts";
import { isInspected } from "./beat.ts";
import { runService } from "./run.ts";

type Start = ToTask & { type: "start" };

/** Time to leave once the provider is gone, in milliseconds; nobody would end us after that. */
const ORPHAN_MS = 2_000;
/** How long a thread that is to be killed may take to end itself, in milliseconds. */
const KILL_MS = 500;
/** How long what a thread has printed may take to get out once it has ended, in milliseconds. */
const DRAIN_MS = 1_000;

if (isMainThread) runProcess();
else runThread(workerData as Start);

function runProcess(): void {
  const pipe = new Socket({ fd: 3 });
  const runs = new Map<string, (message: ToTask) => void>();
  /** What threads print, until the provider has read what was printed before. */
  const resting = new Set<Readable>();
  const send = (message: FromTask) => pipe.write(writePipe(message));
  const toAll = (type: "stop" | "bye") => {
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
  pipe.on("drain", () => {
    for (const output of resting) output.resume();
    resting.clear();
  });
  pipe.on("error", () => {}); // the provider is gone: `close` follows
  pipe.on("close", () => {
    toAll("stop");
    toAll("bye");
    if (runs.size === 0) process.exit(0);
    setTimeout(endGroup, ORPHAN_MS);
  });
  process.on("SIGTERM", () => toAll("stop"));
  // Ctrl-C in the provider's terminal is the provider's business; it stops us in order.
  process.on("SIGINT", () => {});

  function startHere(start: Start): void {
    // By default other signals end the process at once, and SIGUSR1 opens a debugger.
    if (start.start.stopSignal !== "SIGKILL") process.on(start.start.stopSignal, () => toAll("stop"));
    const receive = (handler: (message: ToTask) => void) => runs.set(start.run, handler);
    // Whatever the user's code has left open must not keep a task alive that has ended.
    runService(start, { send, receive }).then((code) =>
      pipe.destroyed ? endGroup() : pipe.end(() => process.exit(code)),
    );
  }

  // The pipe takes any number of lines and keeps them; the thread learns only from its own stream that nobody reads.
  function restUntilRead(output: Readable): void {
    if (!pipe.writableNeedDrain) return;
    output.pause();
    resting.add(output);
  }

  function startThread(start: Start): void {
    const { run } = start;
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: start, stdout: true, stderr: true });
    runs.set(run, (message) => {
      worker.postMessage(message);
      // It ends itself, closing its sockets: ending a thread over a pending receive aborts the whole process.
      if (message.type === "kill") setTimeout(() => void worker.terminate(), KILL_MS).unref();
    });
    worker.on("message", (message: FromTask) => {
      // A thread does not know of the debugger of its process, which may halt it as well.
      send(message.type === "beat" ? { ...message, isInspected: isInspected() } : message);
    });
    const outputs = (["stdout", "stderr"] as const).map((stream) => {
      const output = createLineSplitter((line) => send({ type: "output", run, stream, line }), MAX_LINE_LENGTH);
      worker[stream].setEncoding("utf8").on("data", output.push).on("end", output.end);
      worker[stream].on("data", () => restUntilRead(worker[stream]));
      return once(worker[stream], "end");
    });
    worker.on("error", (error) => send({ type: "output", run, stream: "stderr", line: error.stack ?? String(error) }));
    worker.on("exit", async (code) => {
      // Its end is its last word.
      await Promise.race([Promise.all(outputs), pause(DRAIN_MS)]);
      for (const stream of [worker.stdout, worker.stderr]) stream.destroy();
      runs.delete(run);
      send({ type: "exit", run, code });
      if (pipe.destroyed && runs.size === 0) endGroup();
    });
  }
}

/** Ends this process and all it started; the provider, whose task that is, is gone. */
function endGroup(): void {
  process.kill(-process.pid, "SIGKILL");
}

function runThread(start: Start): void {
  const send = (message: FromTask) => parentPort?.postMessage(message);
  const receive = (handler: (message: ToTask) => void) => parentPort?.on("message", handler);
  runService(start, { send, receive }).then((code) => process.exit(code));
}
