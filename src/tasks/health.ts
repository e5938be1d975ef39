// Serves the health of one task service over HTTP, where its configuration asks for that: `GET /_health` answers 200 and
// `null`, or 503 and the reasons why the service does not take what is sent to it; `GET /metrics` has the figures of its streams.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { reasonOf, ZcontextError } from "../errors.ts";
import type { EventBus } from "../messaging/index.ts";
import type { JsonObject } from "../protocol/json.ts";
import { streamFigures } from "../streams/contract/figures.ts";
import { listenAddress } from "./handlers/listen-address.ts";

export interface Health extends AsyncDisposable {
  /** Such as `http://127.0.0.1:41873/_health`. */
  readonly url: string;
  /** From now on it takes the events of this group. */
  started(taken: TakenEvents): void;
}

export interface TakenEvents {
  names: readonly string[];
  group: string;
}

export interface HealthSource {
  /** Undefined for a service that has not used its bus. */
  bus(): Promise<EventBus> | undefined;
  isStopping(): boolean;
}

/** How long the broker may take to answer, in milliseconds. */
const ANSWER_MS = 1_000;

/**
 * Serves the health of a service at `health_port` (0: any) and `health_host` (this machine by default) of its
 * configuration.
 *
 * @throws {ZcontextError} `ERR_CONFIG_INVALID`, or `ERR_ENDPOINT_IN_USE` where it can't listen there.
 */
export async function serveHealth(configuration: JsonObject, source: HealthSource): Promise<Health> {
  const { port, host } = listenAddress(configuration, "health");
  let taken: TakenEvents | undefined;
  const server = createServer(({ method, url = "" }, response) => {
    const { pathname } = new URL(url, "http://x");
    if (pathname !== "/_health" && pathname !== "/metrics")
      return send(response, 404, ["expected /_health or /metrics"]);
    if (method !== "GET" && method !== "HEAD") return send(response, 405, ["expected GET"]);
    if (pathname === "/metrics") return void sendMetrics(response);
    return void reasons().then((found) => send(response, found.length === 0 ? 200 : 503, found));
  });

  async function reasons(): Promise<string[]> {
    if (source.isStopping()) return ["the service is stopping"];
    if (taken === undefined) return ["the service has not started yet"];
    const opened = source.bus();
    return opened === undefined ? [] : reasonsOf(opened, taken);
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(unbound(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/_health`,
    started(events) {
      taken = events;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Why nothing is taken: the bus can't be reached, does not answer, or gives this group nothing. */
async function reasonsOf(opened: Promise<EventBus>, { names, group }: TakenEvents): Promise<string[]> {
  const over = new AbortController();
  try {
    const late = pause(ANSWER_MS, undefined, { signal: over.signal });
    late.catch(() => {});
    const bus = await Promise.race([opened, late]);
    if (bus === undefined) return ["its messages: not connected yet"];
    if (bus.trouble !== undefined) return [`its messages: ${bus.trouble}`];
    const queues = await Promise.race([bus.operations.queues(), late]);
    if (queues === undefined) return [`its messages: no answer from the broker within ${ANSWER_MS} ms`];
    return names.flatMap((name) => {
      const queue = queues.find((one) => one.event === name && one.group === group);
      if (queue === undefined || queue.members === 0) return [`group ${group} has no member that takes ${name}`];
      if (queue.stalled_s === undefined) return [];
      return [`group ${group} has settled no ${name} for ${queue.stalled_s} s, though ${queue.ready} wait`];
    });
  } catch (error) {
    return [`its messages: ${reasonOf(error)}`];
  } finally {
    over.abort();
  }
}

function unbound(error: NodeJS.ErrnoException, host: string, port: number): ZcontextError {
  const why = error.code === "EADDRINUSE" ? "another process has it" : error.message;
  return new ZcontextError("ERR_ENDPOINT_IN_USE", `health_port: can't listen on ${host}:${port}: ${why}`, {
    hint: "Give another one; 0 is one that the system chooses.",
    cause: error,
  });
}

/** What its streams have counted. The library is loaded for a service that is asked. */
async function sendMetrics(response: ServerResponse): Promise<void> {
  const { streamMetricsOf } = await import("../http/data/stream-metrics.ts");
  const { type, text } = await streamMetricsOf(streamFigures());
  sendText(response, 200, { type, text });
}

function send(response: ServerResponse, status: number, reasons: string[]): void {
  const text = JSON.stringify(reasons.length === 0 ? null : { reasons });
  sendText(response, status, { type: "application/json; charset=utf-8", text });
}

function sendText(response: ServerResponse, status: number, { type, text }: { type: string; text: string }): void {
  const headers = { "content-type": type, "cache-control": "no-store" };
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  response.end(response.req.method === "HEAD" ? undefined : text);
}
