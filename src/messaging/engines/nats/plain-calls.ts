// Calls as any client of NATS makes and answers them: a request to `service.method` with JSON in its body, and JSON as its
// answer. Programs of another kind call our services so, and serve what ours call.
import { reasonOf } from "../../../errors.ts";
import { isObject } from "../../../protocol/json.ts";
import type { Answer, CallHandler, CallSignal, OutgoingCall, Subscription } from "../../contract/engine.ts";
import { childTrace } from "../../contract/envelope.ts";
import type { Executed, Failure } from "../../contract/service-error.ts";
import type { Parcel, Post } from "../../remote/post.ts";
import { nameOf, wordOf } from "../../remote/subjects.ts";
import type { Link } from "./link.ts";

/** A plain request says nothing of how long it waits. */
const BUDGET_MS = 10_000;
/** All instances of a service share its plain requests. */
const QUEUE = "zc";
const [ID_DIGITS, TRACE_DIGITS] = [32, 48];

/** Answers plain requests to the service. Resolves when they arrive. */
export function servePlainly(
  post: Post,
  service: string,
  handler: CallHandler,
  random: (digits: number) => string,
): Promise<Subscription> {
  async function answer({ body, replyTo }: Parcel, subject: string): Promise<void> {
    // Without a reply subject it is no request.
    if (replyTo === undefined) return;
    const id = random(ID_DIGITS);
    const envelope = {
      id,
      src: "",
      sent: Date.now(),
      session_id: id,
      traceparent: childTrace(undefined, random(TRACE_DIGITS)),
    };
    const method = nameOf(subject.slice(subject.indexOf(".") + 1));
    const params = body.length > 0 ? body : Buffer.from("null");
    const signal = AbortSignal.timeout(BUDGET_MS);
    const answered = await handler({ service, method, envelope, body: params, budgetMs: BUDGET_MS, signal });
    post.send(replyTo, { head: "", body: bodyOf(answered) });
  }
  return post.receive(`${wordOf(service)}.*`, QUEUE, (parcel, subject) => void answer(parcel, subject).catch(() => {}));
}

function bodyOf({ failure, result }: Answer): Buffer {
  if (failure === undefined) return result;
  const { code, message, retryable, details } = failure;
  return Buffer.from(
    JSON.stringify({ error: { code, message, retryable, ...(details !== undefined && { details }) } }),
  );
}

/** Calls a program that answers plain requests; undefined where none does. */
export async function callPlainly(
  { session }: Link,
  call: OutgoingCall,
  signal: CallSignal,
): Promise<Answer | undefined> {
  if (session === undefined || signal.aborted) return undefined;
  const { nc, core } = session;
  const { service, method, body, budgetMs } = call;
  try {
    const asked = nc.request(`${wordOf(service)}.${wordOf(method)}`, body, { timeout: Math.max(1, budgetMs) });
    asked.catch(() => {});
    const answer = await Promise.race([asked, abortOf(signal)]);
    return answer === "aborted" ? late(call, signal.reason) : answerIn(Buffer.from(answer.data));
  } catch (error) {
    if (error instanceof core.TimeoutError) return late(call, error);
    const isAbsent = error instanceof core.RequestError && error.isNoResponders();
    if (isAbsent) return undefined;
    const message = `${service}.${method}: ${reasonOf(error)}`;
    return { failure: { code: "ERR_ENGINE_UNREACHABLE", message, retryable: true, executed: "unknown" } };
  }
}

export function abortOf(signal: CallSignal): Promise<"aborted"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("aborted");
    signal.addEventListener("abort", () => resolve("aborted"));
  });
}

export function late({ service, method }: OutgoingCall, reason: unknown, executed: Executed = "unknown"): Answer {
  const isLate = reason instanceof Error && reason.name === "TimeoutError";
  const message = `${service}.${method}: ${isLate ? "no answer in time" : "given up by the caller"}`;
  return { failure: { code: "ERR_CALL_TIMEOUT", message, retryable: false, executed } };
}

/** An answer that is `{"error": {"code": …, "message": …}}` and nothing else is an error. */
function answerIn(body: Buffer): Answer {
  const failure = failureIn(body);
  return failure === undefined ? { result: body } : { failure };
}

function failureIn(body: Buffer): Failure | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    const message = `the answer is no JSON: ${reasonOf(error)}`;
    return { code: "ERR_MESSAGE_MALFORMED", message, retryable: false, executed: "yes" };
  }
  if (!isObject(value) || Object.keys(value).length !== 1 || !isObject(value.error)) return undefined;
  const { code, message, retryable, details } = value.error;
  if (typeof code !== "string") return undefined;
  return {
    ...{ code, message: String(message ?? ""), retryable: retryable === true, executed: "yes" },
    ...(details !== undefined && { details }),
  };
}
