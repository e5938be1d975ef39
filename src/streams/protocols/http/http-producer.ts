// Sends messages to a queue over HTTP.
import { reasonOf, ZcontextError } from "../../../errors.ts";
import { isObject, type Json } from "../../../protocol/json.ts";
import { Producer } from "../../contract/producer.ts";
import { producerOrigin } from "./address.ts";
import type { Method } from "./http-server.ts";

export interface HttpProducerOptions {
  /** `host:port`. Default: the variable HTTP_HOST, or 127.0.0.1:9000. */
  host?: string;
  /** How long an answer may take, in milliseconds. Default 30_000. */
  timeoutMs?: number;
}

export interface HttpSending {
  /** Default POST. A GET has the message, an object, as its query. */
  method?: Method;
  /** The whole URL, or a path at the host. Default: the queue's name as path. */
  endpoint?: string;
  /** Content type of the body: `application/json` or `application/ssi-agent-wire`. Default JSON. */
  headersTag?: "JSON" | "SSI";
}

const CONTENT_TYPES = { JSON: "application/json", SSI: "application/ssi-agent-wire" } as const;
const TIMEOUT_MS = 30_000;
const LONGEST_REASON = 500;

export class HttpProducer extends Producer<HttpProducerOptions, HttpSending> {
  readonly protocol = "HTTPHandler";
  #origin = "";

  protected override async open(): Promise<void> {
    this.#origin = producerOrigin(this.options.host);
  }

  protected async deliver(
    message: Json,
    { method = "POST", endpoint, headersTag = "JSON" }: HttpSending,
  ): Promise<void> {
    const type = CONTENT_TYPES[headersTag];
    if (type === undefined) throw usage("headersTag", headersTag, Object.keys(CONTENT_TYPES));
    if (method !== "GET" && method !== "POST") throw usage("method", method, ["GET", "POST"]);
    const url = new URL(endpoint ?? `/${this.queue}`, this.#origin);
    if (method === "GET") for (const [name, value] of queryOf(message)) url.searchParams.append(name, value);
    const signal = AbortSignal.timeout(this.options.timeoutMs ?? TIMEOUT_MS);
    const body = method === "POST" ? { body: JSON.stringify(message), headers: { "content-type": type } } : {};
    const response = await fetch(url, { method, signal, ...body }).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    const text = await response.text();
    if (response.ok) return;
    throw new ZcontextError(
      "ERR_DELIVERY_REFUSED",
      `${method} ${url.origin}${url.pathname}: status ${response.status}: ${text.slice(0, LONGEST_REASON)}`,
      { hint: "Its consumer says why; 404 is another queue, 503 a full one." },
    );
  }
}

/** @throws {ZcontextError} `ERR_USAGE` where it is no object of texts, numbers and booleans, or lists of them. */
function queryOf(message: Json): [string, string][] {
  if (!isObject(message)) throw usage("a message by GET", JSON.stringify(message), ["an object"]);
  return Object.entries(message).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => {
      if (typeof each === "object")
        throw usage(`${name} in a message by GET`, JSON.stringify(each), ["text", "a number", "a boolean"]);
      return [name, String(each)];
    }),
  );
}

function usage(what: string, came: string, expected: readonly string[]): ZcontextError {
  return new ZcontextError("ERR_USAGE", `${what} is ${came}, expected ${expected.join(" or ")}`);
}

function unreachable(url: URL, error: unknown): ZcontextError {
  const { cause } = error instanceof Error ? error : { cause: undefined };
  return new ZcontextError("ERR_ENGINE_UNREACHABLE", `${url.origin}: ${reasonOf(cause ?? error)}`, {
    hint: "Does its consumer run? The option host or the variable HTTP_HOST says where it is.",
    cause: error,
  });
}
