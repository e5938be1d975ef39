// Errors that cross the wire between a caller and a service: what is kept of them, and how they are made again. Pure.

/** An error as it travels. */
export interface Failure {
  code: string;
  message: string;
  retryable: boolean;
  details?: unknown;
  /** Whether the method has run; `unknown` where the callee was lost. */
  executed: Executed;
  /** The class of the error at the callee, and its stack where that was asked for. */
  remote?: { name: string; stack?: string };
}

export type Executed = "no" | "unknown" | "yes";

// A program may load zcontext twice, such as a service that imports an error of its own beside what runs it: an error is
// known by its mark, which both put on it, and not by the class of one of them.
const KIND = Symbol.for("zcontext.error");

/** Whether a value is an error of this kind, whichever copy of zcontext it is from. */
function isOfKind(value: unknown, kind: string): value is Error {
  return value instanceof Error && Reflect.get(value, KIND) === kind;
}

/** What a service throws so that the caller can act on it. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly [KIND] = "ServiceError";
  /** A word in capitals, such as `OUT_OF_STOCK`. */
  readonly code: string;
  /** Any JSON that helps the caller. */
  readonly details: unknown;
  /** Whether the same request may succeed later. Default false. */
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    options: { details?: unknown; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryable = options.retryable ?? false;
  }
}

/** What a caller gets when a call has failed, for whatever reason. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: string;
  readonly service: string;
  readonly method: string;
  readonly retryable: boolean;
  readonly details: unknown;
  readonly executed: Executed;
  readonly remote: { name: string; stack?: string } | undefined;

  constructor(service: string, method: string, failure: Failure) {
    super(failure.message);
    this.service = service;
    this.method = method;
    this.code = failure.code;
    this.retryable = failure.retryable;
    this.details = failure.details;
    this.executed = failure.executed;
    this.remote = failure.remote;
  }
}

/** Thrown by a handler of an event that can't succeed later: the event becomes a dead letter at once. */
export class NonRetryableError extends Error {
  override readonly name = "NonRetryableError";
  readonly [KIND] = "NonRetryableError";
}

export function isNonRetryable(thrown: unknown): boolean {
  return isOfKind(thrown, "NonRetryableError");
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return isOfKind(thrown, "ServiceError");
}

/**
 * What a caller hears that has waited long enough.
 *
 * @param name - `service.method`.
 * @param reason - Of the signal that has ended its wait: a TimeoutError where its time was over.
 */
export function givenUp(name: string, reason: unknown, executed: Executed): Failure {
  const isLate = reason instanceof Error && reason.name === "TimeoutError";
  const message = `${name}: ${isLate ? "no answer in time" : "given up by the caller"}`;
  return { code: "ERR_CALL_TIMEOUT", message, retryable: false, executed };
}

/** What is kept of anything that was thrown. */
export function failureOf(thrown: unknown, { withStack }: { withStack: boolean }): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const isOwn = isServiceError(error);
  return {
    code: isOwn ? error.code : codeOf(error),
    message: error.message,
    retryable: isOwn ? error.retryable : false,
    ...(isOwn && error.details !== undefined && { details: error.details }),
    executed: "yes",
    remote: { name: error.name, ...(withStack && error.stack !== undefined && { stack: error.stack }) },
  };
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "ERR_SERVICE_FAILED";
}
