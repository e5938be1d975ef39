// The HTTP server of the dashboard: page, API, events, metrics, health and commands. routing.ts decides what a request
// asks for, access.ts whether it is allowed. No request can end the provider.
// Node's server alone: loading Hono, which serves streams, takes tens of milliseconds of each start.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { type ErrorCode, reasonOf, ZcontextError } from "../errors.ts";
import { type Log, silent } from "../log.ts";
import { denial, type Rules } from "./access.ts";
import { type Address, formatAddress } from "./address.ts";
import { MAX_BODY_BYTES, readCommand, readLetterCommand } from "./command.ts";
import type { Refusal } from "./contract/api.ts";
import type { DashboardEvent, KeptHistory, Source } from "./contract/source.ts";
import { createDashboardData, outputChannel } from "./data/dashboard-data.ts";
import { LAST_HOUR_MS, rowsSince } from "./data/last-hour.ts";
import { createLongHistory } from "./data/long-history.ts";
import { EVENTS } from "./data/state-sender.ts";
import { readPage } from "./page.ts";
import { type Route, routeOf } from "./routing.ts";

export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the port that the system has chosen. */
  readonly address: Address;
  /** To be told what happens, already before a provider is attached. */
  observe(event: DashboardEvent): void;
  /** Shows this provider from now on. */
  attach(source: Source): void;
}

export interface HttpOptions {
  address: Address;
  /** Commands need it; without one none are accepted. */
  token?: string | undefined;
  version?: string;
  /** Where a history is kept: read for what was before this server. */
  keptHistory?: KeptHistory | undefined;
  log?: Log;
}

/** Connections at the same time; a page has two, at most six. */
const MAX_CONNECTIONS = 128;
/** Listeners of events at the same time. */
const MAX_LISTENERS = 64;

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

/**
 * Listens, and answers that it is not ready until a provider is attached.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE`, or `ERR_USAGE` for an address that this machine does not have.
 */
export async function startHttpServer({
  address,
  token,
  version = "",
  keptHistory,
  log = silent,
}: HttpOptions): Promise<HttpServer> {
  let source: Source | undefined;
  const page = readPage();
  const data = createDashboardData({
    source: () => source,
    version,
    takesCommands: token !== undefined,
    keptHistory,
    log,
    nowMs: Date.now,
  });
  const longHistory = keptHistory && createLongHistory(keptHistory);
  const server = createServer((request, response) => {
    respond(request, response).catch((error) => {
      log.error({ path: request.url?.slice(0, 100), reason: reasonOf(error) }, "request failed");
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "internal error");
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, address);
  const rules: Rules = { address: bound, hostname: hostname(), token };

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const { method = "GET", url = "/", headers } = request;
    const found = routeOf(method, url);
    if ("none" in found) {
      if (found.none.allow !== undefined) response.setHeader("allow", found.none.allow);
      return refuse(response, found.none.status, found.none.reason);
    }
    const denied = denial({ headers, route: found.route }, rules);
    if (denied !== undefined) {
      if (denied.status === 401) response.setHeader("www-authenticate", "Bearer");
      return refuse(response, denied.status, denied.reason);
    }
    await serve(found.route, request, response);
  }

  async function serve(route: Route, request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (route.kind) {
      case "page":
        return send(response, 200, "text/html; charset=utf-8", page.html, { "content-security-policy": page.policy });
      case "health": {
        const reasons = data.unhealthyReasons();
        return sendJson(response, reasons.length === 0 ? 200 : 503, reasons.length === 0 ? null : { reasons });
      }
      case "metrics":
        return send(response, 200, data.metrics.contentType, await data.metrics.text());
      case "state":
        return sendJson(response, 200, data.state());
      case "transitions":
        await data.backfilled;
        return sendJson(response, 200, data.transitions());
      case "history":
        return history(route, response);
      case "logs":
        return sendJson(response, 200, data.logs(route.transaction, route.task));
      case "events":
        await data.backfilled;
        return stream(request, response, { channel: EVENTS, snapshot: data.snapshot });
      case "output": {
        const { transaction, task } = route;
        return stream(request, response, {
          channel: outputChannel(transaction, task),
          snapshot: () => data.logs(transaction, task),
        });
      }
      case "letters":
        return sendJson(response, 200, (await source?.letters.list()) ?? []);
      case "letter": {
        const letter = await source?.letters.open(route.id);
        return letter === undefined
          ? refuse(response, 404, `there is no dead letter ${route.id.slice(0, 100)}`)
          : sendJson(response, 200, letter);
      }
      case "command":
        return sendAnswer(
          response,
          await answerOf(async () => {
            const body = readCommand(await textOf(request));
            log.info({ action: body.action, transaction: body.transaction, tasks: body.tasks }, "command by http");
            return provider().command(body);
          }),
        );
      case "letter-command":
        return sendAnswer(
          response,
          await answerOf(async () => {
            const body = readLetterCommand(await textOf(request));
            log.info({ action: body.action, letters: body.ids.length }, "command by http");
            return { result: "success", count: await provider().letters.command(body) };
          }),
        );
    }
  }

  async function history(
    { transaction, backMs = LAST_HOUR_MS }: { transaction: string; backMs?: number },
    response: ServerResponse,
  ): Promise<void> {
    const sinceMs = Date.now() - backMs;
    if (longHistory === undefined || backMs <= LAST_HOUR_MS) {
      await data.backfilled;
      const known = data.history(transaction);
      return sendJson(response, 200, backMs === LAST_HOUR_MS ? known : rowsSince(known, sinceMs));
    }
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const found = await longHistory.read({ transaction, sinceMs, untilMs: Date.now() }, gone.signal);
    if (found === undefined) return refuse(response, 503, "too many requests read the history");
    sendJson(response, 200, found);
  }

  function stream(
    request: IncomingMessage,
    response: ServerResponse,
    listener: { channel: string; snapshot(): unknown },
  ): void {
    if (data.fanOut.listeners >= MAX_LISTENERS)
      return refuse(response, 503, `expected at most ${MAX_LISTENERS} listeners`);
    response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream", "x-accel-buffering": "no" });
    if (request.method === "HEAD") return void response.end();
    data.fanOut.add(response, listener);
  }

  function provider(): Source {
    if (source === undefined) throw new ZcontextError("ERR_PROVIDER_LEAVING", "the provider is not ready yet");
    return source;
  }

  /** What a command has led to, or why it was refused. */
  async function answerOf<Answer>(carryOut: () => Promise<Answer>): Promise<Answer | Refusal> {
    try {
      return await carryOut();
    } catch (error) {
      if (error instanceof ZcontextError) return { result: "failure", code: error.code, reason: error.message };
      throw error;
    }
  }

  return {
    address: bound,
    observe: data.observe,
    attach(found) {
      source = found;
      data.observe({ type: "changed" });
    },
    async [Symbol.asyncDispose]() {
      data.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_MESSAGE_MALFORMED: 400,
  ERR_TASK_UNKNOWN: 404,
  ERR_TRANSACTION_UNKNOWN: 404,
  ERR_REQUEST_TIMEOUT: 504,
  ERR_PROVIDER_UNREACHABLE: 503,
  ERR_PROVIDER_LEAVING: 503,
  ERR_ENGINE_UNREACHABLE: 503,
};

function sendAnswer(response: ServerResponse, answer: { result: "success" } | Refusal): void {
  const status = answer.result === "success" ? 200 : (STATUS[answer.code as ErrorCode] ?? 409);
  sendJson(response, status, answer);
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  const answer: Refusal = { result: "failure", code: "ERR_HTTP", reason };
  sendJson(response, status, answer);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, "application/json; charset=utf-8", JSON.stringify(value));
}

function send(response: ServerResponse, status: number, type: string, text: string, more = {}): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { ...HEADERS, ...more, "content-type": type, "content-length": length });
  response.end(response.req.method === "HEAD" ? undefined : text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw new ZcontextError("ERR_MESSAGE_MALFORMED", `command: more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function listen(server: ReturnType<typeof createServer>, { host, port }: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = formatAddress({ host, port });
      const isTaken = error.code === "EADDRINUSE";
      reject(
        new ZcontextError(
          isTaken ? "ERR_ENDPOINT_IN_USE" : "ERR_USAGE",
          `--http: can't listen on ${where}: ${isTaken ? "another process has it" : error.message}`,
          { hint: "Give another address; port 0 is one that the system chooses.", cause: error },
        ),
      );
    });
    server.listen({ host, port }, () => resolve({ host, port: (server.address() as AddressInfo).port }));
  });
}
