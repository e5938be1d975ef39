// How a call looks over HTTP: which variable names a service, the headers, and errors as status and JSON. Pure.
import type { Failure } from "../contract/service-error.ts";

export const BUDGET_HEADER = "x-budget-ms";
export const SESSION_HEADER = "x-session-id";
export const REQUEST_HEADER = "x-request-id";
export const SOURCE_HEADER = "x-source";
export const TRACE_HEADER = "traceparent";

/** Found once for each service, up to a bound: calls are many. */
const variables = new Map<string, string>();
const MAX_VARIABLES = 1_000;

/** The variable with the URL of a service: `NAVITAIRE_API_URL` for `navitaire-api`. */
function urlVariable(service: string): string {
  const known = variables.get(service);
  if (known !== undefined) return known;
  const name = variableOf(service);
  if (variables.size < MAX_VARIABLES) variables.set(service, name);
  return name;
}

function variableOf(service: string): string {
  return `${service.toUpperCase().replace(/[^\p{L}\p{N}]/gu, "_")}_URL`;
}

/** The URL that a service is called at; undefined where its variable names none of HTTP. */
export function serviceUrl(service: string, environment: Readonly<NodeJS.ProcessEnv>): URL | undefined {
  const text = environment[urlVariable(service)] ?? "";
  return /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
}

const STATUS_OF: { readonly [code: string]: number } = {
  ERR_PARAMS_INVALID: 400,
  ERR_METHOD_UNKNOWN: 404,
  ERR_SERVICE_UNKNOWN: 404,
  ERR_MESSAGE_TOO_LARGE: 413,
  ERR_CALL_TIMEOUT: 504,
};

/** 4xx where the request is at fault or the service has refused it on purpose, 5xx for all else. */
export function statusOf({ code, retryable, remote }: Failure): number {
  const known = STATUS_OF[code];
  if (known !== undefined) return known;
  if (retryable) return 503;
  return remote?.name === "ServiceError" ? 422 : 500;
}

export function errorBody({ code, message, details, retryable, executed, remote }: Failure): string {
  return JSON.stringify({ error: { code, message, details, retryable, executed, remote } });
}

/** Statuses of a request that nobody has carried out, and of one that may succeed later. */
const NOT_EXECUTED = [400, 401, 403, 404, 405, 413, 415, 429];
const RETRYABLE = [429, 502, 503, 504];

/** What a caller makes of an answer that is no result, whoever has given it. */
export function failureIn(name: string, status: number, text: string): Failure {
  const said = errorIn(text);
  const executed = NOT_EXECUTED.includes(status) ? "no" : "unknown";
  return {
    code: typeof said.code === "string" ? said.code : "ERR_SERVICE_FAILED",
    message:
      typeof said.message === "string" ? said.message : `${name}: the service has answered with status ${status}`,
    retryable: typeof said.retryable === "boolean" ? said.retryable : RETRYABLE.includes(status),
    executed:
      said.executed === "yes" || said.executed === "no" || said.executed === "unknown" ? said.executed : executed,
    ...(said.details !== undefined && { details: said.details }),
    ...(isNamed(said.remote) && { remote: { name: said.remote.name } }),
  };
}

interface Said {
  code?: unknown;
  message?: unknown;
  retryable?: unknown;
  executed?: unknown;
  details?: unknown;
  remote?: unknown;
}

function errorIn(text: string): Said {
  try {
    const read: unknown = JSON.parse(text);
    const hasError = typeof read === "object" && read !== null && "error" in read;
    return hasError && typeof read.error === "object" && read.error !== null ? read.error : {};
  } catch {
    return {};
  }
}

function isNamed(remote: unknown): remote is { name: string } {
  return typeof remote === "object" && remote !== null && "name" in remote && typeof remote.name === "string";
}
