// What each route answers, once the request is known to be allowed.
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { type ErrorCode, reasonOf, ZcontextError } from "../errors.ts";
import { compileLinePattern } from "../line-pattern.ts";
import type { Log } from "../log.ts";
import { HEADERS, refuse, send, sendJson } from "./answers.ts";
import { MAX_BODY_BYTES, readCommand, readLetterCommand } from "./command.ts";
import type { Refusal } from "./contract/api.ts";
import type { KeptHistory, KeptLogs, Source } from "./contract/source.ts";
import { type DashboardData, outputChannel } from "./data/dashboard-data.ts";
import { createKeptLines, type Owner } from "./data/kept-lines.ts";
import { LAST_HOUR_MS, rowsSince } from "./data/last-hour.ts";
import { createLongHistory } from "./data/long-history.ts";
import { EVENTS } from "./data/state-sender.ts";
import { readPage } from "./page.ts";
import type { Route } from "./routing.ts";

export interface RoutesOptions {
  /** Undefined until a provider is attached. */
  source(): Source | undefined;
  data: DashboardData;
  keptHistory: KeptHistory | undefined;
  keptLogs: KeptLogs | undefined;
  log: Log;
}

export interface Routes {
  serve(route: Route, request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Listeners of events at the same time. */
const MAX_LISTENERS = 64;
/** A client that has read nothing of a text for so long, in milliseconds, is disconnected. */
const STUCK_MS = 60_000;

export function createRoutes({ source, data, keptHistory, keptLogs, log }: RoutesOptions): Routes {
  const page = readPage();
  const keptLines = keptLogs && createKeptLines(keptLogs);
  const longHistory = keptHistory && createLongHistory(keptHistory);

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
      case "log-search":
        return search(route, response);
      case "log-text":
        return text(route, response);
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
        return sendJson(response, 200, (await source()?.letters.list()) ?? []);
      case "letter": {
        const letter = await source()?.letters.open(route.id);
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
    const found = await longHistory.read({ transaction, sinceMs, untilMs: Date.now() }, goneOf(response));
    if (found === undefined) return refuse(response, 503, "too many requests read the history");
    sendJson(response, 200, found);
  }

  /** Where nothing is kept, the last lines are searched that are in memory. */
  async function search({ pattern, ...owner }: Owner & { pattern: string }, response: ServerResponse): Promise<void> {
    const matches = compiled(pattern);
    if (typeof matches === "string") return refuse(response, 400, `grep: ${matches}`);
    if (keptLines === undefined) {
      const lines = data.logs(owner.transaction, owner.task).filter(({ line }) => matches(line));
      return sendJson(response, 200, { lines, isMore: false });
    }
    const found = await keptLines.search(owner, matches, goneOf(response));
    if (found === undefined) return refuse(response, 503, "too many requests search the logs");
    sendJson(response, 200, found);
  }

  async function text({ transaction, task }: Owner, response: ServerResponse): Promise<void> {
    if (keptLines === undefined) return refuse(response, 404, "this provider keeps no logs");
    const head = { ...HEADERS, "content-type": "text/plain; charset=utf-8", "content-disposition": "attachment" };
    if (response.req.method === "HEAD") return void response.writeHead(200, head).end();
    const pieces = keptLines.text({ transaction, task });
    if (pieces === undefined) return refuse(response, 503, "too many requests read the logs");
    response.setTimeout(STUCK_MS, () => response.destroy());
    response.writeHead(200, head);
    // A client that leaves, or does not read, ends it.
    await pipeline(pieces, response).catch(() => {});
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
    const attached = source();
    if (attached === undefined) throw new ZcontextError("ERR_PROVIDER_LEAVING", "the provider is not ready yet");
    return attached;
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

  return { serve };
}

/** Aborted when nobody waits for the answer any more. */
function goneOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  return gone.signal;
}

/** What a line has to match, or why that can't be read; patterns of this kind take no more than linear time. */
function compiled(pattern: string): ((line: string) => boolean) | string {
  try {
    return compileLinePattern(pattern).matches;
  } catch (error) {
    return reasonOf(error);
  }
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
