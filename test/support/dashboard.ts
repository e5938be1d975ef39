// A context in the process of the test, with its dashboard, and a client that asks it.
import { request as httpRequest } from "node:http";
import type { CommandRequest } from "../../src/http/contract/api.ts";
import { startMonitor } from "../../src/monitor/publish.ts";
import { createSampler } from "../../src/monitor/sample.ts";
import { openDashboard } from "../../tools/service-context/dashboard.ts";
import { createEventReader } from "../../web/event-stream.ts";
import { type RunningContext, recordLog, runContext, type TaskXml } from "./context.ts";
import { awaitEvents, type Recording } from "./recording.ts";

export const TOKEN = "token-of-the-tests-0123456789";

/** Says a word, and stays. */
export const waits: TaskXml = {
  id: "waits",
  instance: "Waits",
  serviceType: "Executable",
  command: "sh -c 'echo here; exec sleep 600'",
  readyAfterS: 0,
};

export interface Answer {
  status: number;
  headers: { [name: string]: string | string[] | undefined };
  text: string;
  json(): unknown;
}

export interface Heard {
  name: string;
  value: unknown;
}

export interface DashboardContext extends AsyncDisposable {
  readonly context: RunningContext;
  readonly port: number;
  ask(
    path: string,
    options?: { method?: string; headers?: { [name: string]: string }; body?: string },
  ): Promise<Answer>;
  command(command: CommandRequest, token?: string): Promise<Answer>;
  /** Listens to server-sent events until the end of the test. */
  listen(path: string): Promise<Recording<Heard>>;
}

/** Runs a context of these tasks with a dashboard on a port of the system's choice. */
export async function runDashboard(
  tasks: readonly TaskXml[],
  { token = TOKEN }: { token?: string | undefined } = {},
): Promise<DashboardContext> {
  const log = recordLog();
  const options = { http: "0", ...(token === "" ? {} : { http_token: token }) };
  const dashboard = await openDashboard(options, { log });
  const context = await runContext(tasks, {
    observer: dashboard.observer,
    watch: ({ publish, ...source }) =>
      startMonitor({ sampler: createSampler(), ...source, publish: dashboard.tap(publish) }),
  });
  dashboard.show(context.provider);
  const { url } = await log.lines.first(({ phrase }) => phrase === "dashboard ready");
  const { port } = new URL(String(url));
  const ends = new AbortController();

  const ask: DashboardContext["ask"] = (path, { method = "GET", headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const asked = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode: status = 0, headers: told } = response;
          resolve({ status, headers: told, text, json: () => JSON.parse(text) });
        });
      });
      asked.on("error", reject);
      asked.end(body);
    });

  return {
    context,
    port: Number(port),
    ask,
    command: (command, given = token) =>
      ask("/api/commands", {
        method: "POST",
        headers: { authorization: `Bearer ${given}`, "content-type": "application/json" },
        body: JSON.stringify(command),
      }),
    async listen(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: ends.signal });
      const heard = awaitEvents<Heard>(path, ({ name, value }) => `${name} ${JSON.stringify(value).slice(0, 200)}`);
      const read = createEventReader();
      const hear = async () => {
        for await (const piece of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()))
          for (const { name, data } of read(piece)) heard.add({ name, value: JSON.parse(data) });
      };
      hear().then(heard.end, heard.end);
      return heard;
    },
    async [Symbol.asyncDispose]() {
      ends.abort();
      await context[Symbol.asyncDispose]();
      await dashboard[Symbol.asyncDispose]();
    },
  };
}
