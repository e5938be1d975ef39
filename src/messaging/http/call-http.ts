// Calls a method over HTTP, at a service whose URL the environment names.
import { reasonOf } from "../../errors.ts";
import type { Answer, CallSignal, OutgoingCall } from "../contract/engine.ts";
import { type Failure, givenUp } from "../contract/service-error.ts";
import { BUDGET_HEADER, failureIn, REQUEST_HEADER, SESSION_HEADER, SOURCE_HEADER, TRACE_HEADER } from "./http-form.ts";

/** Nobody listens there, so nothing was carried out. */
const NOBODY = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

/** `POST <url>/<method>` with the parameters as JSON. Sent once; answers a failure, and never rejects. */
export async function callHttp(
  url: URL,
  { service, method, envelope, body, budgetMs }: Omit<OutgoingCall, "isIdempotent">,
  deadline: CallSignal,
): Promise<Answer> {
  const over = new AbortController();
  const { signal } = over;
  deadline.addEventListener("abort", () => over.abort(deadline.reason));
  if (deadline.aborted) over.abort(deadline.reason);
  const name = `${service}.${method}`;
  const { origin, pathname, username, password } = url;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  try {
    const response = await fetch(`${origin}${pathname.replace(/\/+$/, "")}/${encodeURIComponent(method)}`, {
      method: "POST",
      // A redirected request might be carried out twice.
      redirect: "error",
      headers: {
        "content-type": "application/json",
        [BUDGET_HEADER]: String(Math.max(1, Math.floor(budgetMs))),
        [TRACE_HEADER]: envelope.traceparent,
        [SESSION_HEADER]: encodeURIComponent(envelope.session_id),
        [REQUEST_HEADER]: envelope.id,
        [SOURCE_HEADER]: encodeURIComponent(envelope.src),
        ...(login !== ":" && { authorization: `Basic ${Buffer.from(login).toString("base64")}` }),
      },
      body: new Uint8Array(body),
      signal,
    });
    const text = Buffer.from(await response.arrayBuffer());
    if (!response.ok) return { failure: failureIn(name, response.status, text.toString()) };
    return isJson(text) ? { result: text.length === 0 ? Buffer.from("null") : text } : { failure: noJson(name) };
  } catch (error) {
    return { failure: signal.aborted ? givenUp(name, signal.reason, "unknown") : lost(name, origin, error) };
  }
}

function isJson(text: Buffer): boolean {
  try {
    return text.length === 0 || JSON.parse(text.toString()) !== undefined;
  } catch {
    return false;
  }
}

function noJson(name: string): Failure {
  const message = `${name}: expected JSON, got something else`;
  return { code: "ERR_SERVICE_FAILED", message, retryable: false, executed: "yes" };
}

function lost(name: string, origin: string, error: unknown): Failure {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const message = `${name}: ${origin}: ${reasonOf(cause ?? error) || code}`;
  return NOBODY.includes(code)
    ? { code: "ERR_SERVICE_UNKNOWN", message, retryable: true, executed: "no" }
    : { code: "ERR_SERVICE_LOST", message, retryable: false, executed: "unknown" };
}
