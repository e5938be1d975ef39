/** Every way in which zcontext itself can fail. docs/errors.md has a row for each: when it occurs and what to do. */
export const ERROR_CODES = [
  "ERR_ACTION_UNKNOWN",
  "ERR_ALREADY_SETTLED",
  "ERR_CALL_TIMEOUT",
  "ERR_CLAIM_EXPIRED",
  "ERR_CONFIG_INVALID",
  "ERR_CONFIG_UNREADABLE",
  "ERR_CONTEXT_MISMATCH",
  "ERR_DELIVERY_REFUSED",
  "ERR_ENDPOINT_IN_USE",
  "ERR_ENDPOINT_PUBLIC",
  "ERR_ENGINE_MISSING",
  "ERR_ENGINE_REFUSED",
  "ERR_ENGINE_UNFIT",
  "ERR_ENGINE_UNREACHABLE",
  "ERR_ENVIRONMENT_INVALID",
  "ERR_EVENT_INVALID",
  "ERR_EVENT_NAME",
  "ERR_EVENT_UNROUTED",
  "ERR_FORWARDER_FAILED",
  "ERR_INSTALL_ARCHIVE",
  "ERR_INSTALL_DOWNLOAD",
  "ERR_INSTALL_EXPIRED",
  "ERR_INSTALL_HASH",
  "ERR_INSTALL_KEY",
  "ERR_INSTALL_LINK",
  "ERR_INSTALL_MANIFEST",
  "ERR_INSTALL_NOT_READY",
  "ERR_INSTALL_OLDER",
  "ERR_INSTALL_PATH",
  "ERR_INSTALL_SIGNATURE",
  "ERR_INSTALL_SIZE",
  "ERR_LETTER_UNKNOWN",
  "ERR_LOCATION_FORBIDDEN",
  "ERR_MESSAGE_MALFORMED",
  "ERR_MESSAGE_TOO_LARGE",
  "ERR_MESSAGE_UNKNOWN",
  "ERR_METHOD_UNKNOWN",
  "ERR_OVERLOADED",
  "ERR_PARAMS_INVALID",
  "ERR_PROTOCOL_UNKNOWN",
  "ERR_PROVIDER_GONE",
  "ERR_PROVIDER_LEAVING",
  "ERR_PROVIDER_RUNNING",
  "ERR_PROVIDER_UNREACHABLE",
  "ERR_QUEUE_NAME",
  "ERR_REQUEST_TIMEOUT",
  "ERR_ROLLED_BACK",
  "ERR_SCHEMA_INVALID",
  "ERR_SERVICE_INTERNAL",
  "ERR_SERVICE_INVALID",
  "ERR_SERVICE_LOST",
  "ERR_SERVICE_NOT_FOUND",
  "ERR_SERVICE_UNKNOWN",
  "ERR_SIGN_IN",
  "ERR_STATE_UNWRITABLE",
  "ERR_SYSTEM_SHORT",
  "ERR_TARGET_REFUSED",
  "ERR_TASK_ALIVE",
  "ERR_TASK_UNKNOWN",
  "ERR_TEMPLATE_INVALID",
  "ERR_TRANSACTION_UNKNOWN",
  "ERR_USAGE",
  "ERR_WRITE_FAILED",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** An error to act on: the message says what is concerned, what was expected and what came; the hint says what to do. */
export class ZcontextError extends Error {
  override readonly name = "ZcontextError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** The problems behind the message, one line each, such as those of a file. */
  readonly details: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; details?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}

/** The text of anything that was thrown, for a log line or a `reason`. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
