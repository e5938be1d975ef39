// What the client and the server complain about, as errors to act on; or as passing, so that it is tried again. Pure.
import { reasonOf, ZcontextError } from "../../../errors.ts";
import { certificateFault } from "../../contract/certificate-fault.ts";

/** Numbers of the server's errors. */
const NOT_ENABLED = new Set([10039, 10076]);
const NO_ROOM = new Set([10023, 10028, 10047]);
const FULL = new Set([10026, 10077]);
const OTHER_CONFIGURATION = new Set([10052, 10058, 10065, 10074, 10148]);

/** Undefined where the same may succeed when it is tried again: while a server is away, starts, or elects a leader. */
export function faultOf(error: unknown): ZcontextError | undefined {
  if (error instanceof ZcontextError) return error;
  if (!(error instanceof Error)) return unfit(String(error), error);
  // Of a request, it is the cause.
  const forbidden = [error, error.cause].find(
    (each) => each instanceof Error && each.name === "PermissionViolationError",
  );
  if (forbidden instanceof Error) return refused(forbidden);
  if (error.name === "InvalidArgumentError" && error.message.includes("max_payload"))
    return tooLarge(undefined, undefined);
  const number = numberOf(error);
  if (number === undefined) return undefined;
  if (NO_ROOM.has(number))
    return new ZcontextError("ERR_OVERLOADED", `engine nats: the server has no room: ${error.message}`, {
      hint: "It sets 256 MiB aside for each domain of events: raise `max_file_store` in its configuration, or free its disk.",
      cause: error,
    });
  if (FULL.has(number))
    return new ZcontextError("ERR_OVERLOADED", `engine nats: the server takes no more: ${error.message}`, {
      hint: "Emit again later, add members to the group, or look at `context-bus queues`.",
      cause: error,
    });
  if (OTHER_CONFIGURATION.has(number)) return unfit(`the server refuses a stream or consumer: ${error.message}`, error);
  return undefined;
}

function numberOf(error: Error): number | undefined {
  return error.name === "JetStreamApiError" && "code" in error && typeof error.code === "number"
    ? error.code
    : undefined;
}

/** Whether the server says that it has no JetStream, or that nobody answers for it. */
export function lacksJetStream(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === "JetStreamNotEnabled" || NOT_ENABLED.has(numberOf(error) ?? 0)) return true;
  return "isNoResponders" in error && isTrue(error.isNoResponders, error);
}

function isTrue(check: unknown, self: unknown): boolean {
  return typeof check === "function" && check.call(self) === true;
}

/** Why a connection can't be made, where a further attempt is in vain. */
export function refusalOf(error: unknown, url: string): ZcontextError | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === "AuthorizationError" || error.name === "UserAuthenticationExpiredError")
    return new ZcontextError("ERR_ENGINE_REFUSED", `${url}: the server does not let this program in`, {
      hint: "Give the name and password, the token or the credentials file that the server knows: see docs/scale-out.md.",
      cause: error,
    });
  const certificate = certificateFault(error);
  if (certificate !== undefined)
    return new ZcontextError("ERR_ENGINE_REFUSED", `${url}: ${certificate}`, {
      hint: "The connection was not used.",
      cause: error,
    });
  const reason = tlsReason(error);
  if (reason === undefined) return undefined;
  return new ZcontextError("ERR_ENGINE_REFUSED", `${url}: the connection can't be encrypted: ${reason}`, {
    hint: "Use tls+nats:// where the server wants TLS, and name the authority that signed its certificate by ZCONTEXT_BUS_CA_FILE.",
    cause: error,
  });
}

const TLS = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH)/;

function tlsReason(error: Error): string | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if ("code" in each && typeof each.code === "string" && TLS.test(each.code)) return each.message;
    if (/does not support 'tls'|tls required|secure connection/i.test(each.message)) return each.message;
  }
  return undefined;
}

export function noJetStream(cause: unknown): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNFIT", "engine nats: the server has no JetStream, which keeps events", {
    hint: "Start it as `nats-server -js`, or enable JetStream for this account. A server whose disk was full has turned it off.",
    cause,
  });
}

export function unfit(reason: string, cause: unknown): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNFIT", `engine nats: ${reason}`, {
    hint: "See docs/scale-out.md for what the server must be like.",
    cause,
  });
}

function refused(error: Error): ZcontextError {
  return new ZcontextError("ERR_ENGINE_REFUSED", `engine nats: the server forbids it: ${error.message}`, {
    hint: "This program's user needs the permissions that docs/scale-out.md lists.",
    cause: error,
  });
}

export function tooLarge(bytes: number | undefined, most: number | undefined): ZcontextError {
  const sizes = bytes === undefined ? "" : `: ${bytes} bytes, it takes ${most}`;
  return new ZcontextError(
    "ERR_MESSAGE_TOO_LARGE",
    `engine nats: the message is larger than the server takes${sizes}`,
    {
      hint: "Set `max_payload: 2MB` in the server's configuration: a body may have 1 MiB, its envelope comes on top.",
    },
  );
}

export function unreachable(url: string, reason: string, cause?: unknown): ZcontextError {
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `engine nats: ${url}: ${reason}`, {
    hint: "Is the server running there? Try `nats-server --version` on it, and its port from here.",
    ...(cause !== undefined && { cause }),
  });
}

/** What a passing fault looks like to whoever reads about it. */
export function passingReason(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError")
    return "JetStream gives no answer: the server hangs, or its disk is full";
  if (lacksJetStream(error)) return "nobody answers for JetStream, which the server turns off when its disk is full";
  return reasonOf(error) || "no answer";
}
