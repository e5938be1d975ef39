// Serves the methods of a service over HTTP: `POST /<method>` with its parameters as JSON.
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ZcontextError } from "../../errors.ts";
import type { CallHandler, IncomingCall, Subscription } from "../contract/engine.ts";
import { childTrace, type Envelope, uuidV7 } from "../contract/envelope.ts";
import type { Failure } from "../contract/service-error.ts";
import {
  BUDGET_HEADER,
  errorBody,
  REQUEST_HEADER,
  SESSION_HEADER,
  SOURCE_HEADER,
  statusOf,
  TRACE_HEADER,
} from "./http-form.ts";

export interface HttpPlace {
  /** 0: one that the system chooses. */
  port: number;
  host: string;
}

export interface ServedOverHttp extends Subscription {
  /** Such as `http://127.0.0.1:41873`, what a caller's `<SERVICE>_URL` is to be. */
  readonly url: string;
}

const DEFAULT_BUDGET_MS = 10_000;
/** The longest time that a timer of Node can have. */
const MAX_BUDGET_MS = 2_147_483_647;
const MAX_BODY_BYTES = 64 * 2 ** 20;

/** @throws {ZcontextError} `ERR_ENDPOINT_IN_USE` where it can't listen there. */
export async function serveHttp(
  service: string,
  { port, host }: HttpPlace,
  handler: CallHandler,
): Promise<ServedOverHttp> {
  let isClosed = false;
  const server = createServer((request, response) => {
    response.on("close", () => isClosed && server.closeIdleConnections());
    if (isClosed) refuse(response, 503, "ERR_SERVICE_LOST", "the service is leaving");
    else answer(request, response).catch(() => void response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = methodIn(request.url ?? "");
    if (request.method !== "POST") return refuse(response, 405, "ERR_METHOD_UNKNOWN", "expected POST");
    // A page of another site can't send this without asking first, which is not answered.
    if (!/^application\/json\b/i.test(request.headers["content-type"] ?? ""))
      return refuse(response, 415, "ERR_PARAMS_INVALID", "expected content-type application/json");
    const body = await bodyOf(request);
    if (body === undefined)
      return refuse(response, 413, "ERR_MESSAGE_TOO_LARGE", `expected at most ${MAX_BODY_BYTES} bytes`);
    const over = new AbortController();
    response.on("close", () => response.writableFinished || over.abort(new Error("the caller has gone")));
    const budgetMs = budgetIn(header(request, BUDGET_HEADER));
    const call: IncomingCall = {
      ...{ service, method, body, budgetMs, envelope: envelopeOf(request, budgetMs) },
      signal: AbortSignal.any([over.signal, AbortSignal.timeout(Math.ceil(budgetMs))]),
    };
    const { failure, result } = await handler(call);
    if (failure === undefined) send(response, 200, result);
    else send(response, statusOf(failure), errorBody(failure));
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(unbound(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  // The bus keeps its program alive, not this.
  server.unref();
  // What has arrived is still answered.
  const close = async () => {
    isClosed = true;
    server.close();
    server.closeIdleConnections();
  };
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function methodIn(url: string): string {
  try {
    return decodeURIComponent(new URL(url, "http://service").pathname.slice(1));
  } catch {
    return "";
  }
}

/** Undefined where it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (length > MAX_BODY_BYTES) return undefined;
  return length === 0 ? Buffer.from("null") : Buffer.concat(chunks);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === "" ? undefined : text;
}

function budgetIn(text: string | undefined): number {
  const budgetMs = Number(text ?? DEFAULT_BUDGET_MS);
  return Number.isFinite(budgetMs) ? Math.min(Math.max(budgetMs, 1), MAX_BUDGET_MS) : DEFAULT_BUDGET_MS;
}

/** What the caller says of itself; what it leaves out is made up. */
function envelopeOf(request: IncomingMessage, budgetMs: number): Envelope {
  const sent = Date.now();
  const hex = randomBytes(48).toString("hex");
  const id = header(request, REQUEST_HEADER) ?? uuidV7(sent, hex);
  const trace = header(request, TRACE_HEADER);
  const isTrace = trace !== undefined && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(trace);
  return {
    ...{ id, sent, ttl_ms: budgetMs },
    src: decoded(header(request, SOURCE_HEADER)) ?? `/http/${request.socket.remoteAddress ?? ""}`,
    session_id: decoded(header(request, SESSION_HEADER)) ?? id,
    traceparent: isTrace ? trace : childTrace(undefined, hex.slice(19)),
  };
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const failure: Failure = { code, message, retryable: status === 503, executed: "no" };
  if (status === 405) response.setHeader("allow", "POST");
  send(response, status, errorBody(failure));
}

function send(response: ServerResponse, status: number, body: Buffer | string): void {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

function unbound(error: NodeJS.ErrnoException, host: string, port: number): ZcontextError {
  const why = error.code === "EADDRINUSE" ? "another process has it" : error.message;
  return new ZcontextError("ERR_ENDPOINT_IN_USE", `http_port: can't listen on ${host}:${port}: ${why}`, {
    hint: "Give another one; 0 is one that the system chooses.",
    cause: error,
  });
}
