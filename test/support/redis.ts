// A server of Redis for a test, on a free port of this machine, which keeps nothing on disk.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { freePort } from "./port.ts";

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, with all that it holds. */
  stop(): Promise<void>;
  /** Starts it again, empty. */
  start(): Promise<void>;
}

/** @param more - Options of its command line, told its port; of one given twice the last counts. */
export async function startRedis(more: (port: number) => string[] = () => []): Promise<RedisServer> {
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", ...more(port)];
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn("redis-server", words, { stdio: ["ignore", "pipe", "inherit"] });
    child = started;
    const said: string[] = [];
    const ended = once(started, "exit");
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: started.stdout }).on("line", (line) => {
        said.push(line);
        if (line.includes("Ready to accept connections")) resolve();
      });
    });
    await Promise.race([
      ready,
      ended.then(() => {
        throw new Error(`redis-server has not started:\n${said.join("\n")}`);
      }),
    ]);
  }

  async function stop(): Promise<void> {
    const stopping = child;
    child = undefined;
    if (stopping === undefined || stopping.exitCode !== null || stopping.signalCode !== null) return;
    const ended = once(stopping, "exit");
    stopping.kill("SIGKILL");
    await ended;
  }

  await start();
  return { port, url: `redis://127.0.0.1:${port}`, start, stop, [Symbol.asyncDispose]: stop };
}
