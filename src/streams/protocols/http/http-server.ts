// The HTTP servers of this process: one for each address, shared by all consumers there. A message is accepted, with 202,
// once it is with the queue of its handler.
import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ZcontextError } from "../../../errors.ts";
import type { Json } from "../../../protocol/json.ts";

export type Method = "GET" | "POST";

/** Takes a message. @returns False where there is no room for it. */
export type Take = (message: Json, bytes: number) => boolean;

/** One queue at a server. */
export interface Route {
  /** Where the server listens, such as `http://127.0.0.1:9000`. */
  readonly origin: string;
  close(): Promise<void>;
}

export interface RouteOptions {
  host: string;
  /** 0 for any. */
  port: number;
  queue: string;
  method: Method;
  take: Take;
  /** A message was not taken. */
  onRefused(reason: string): void;
}

/** How long a client may take to send its headers, and a whole request, in milliseconds. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };
/** How long a request may take that is under way when the last consumer is closed, in milliseconds. */
const SLOW_MS = 1_000;
const LARGEST_BYTES = 8 * 2 ** 20;

interface SharedServer {
  server: Server;
  origin: string;
  port: number;
  /** By which it is found. */
  keys: Set<string>;
  routes: Map<string, Map<Method, RouteOptions>>;
}

const servers = new Map<string, Promise<SharedServer>>();

/** @throws {ZcontextError} `ERR_ENDPOINT_IN_USE`, also for a queue that has a consumer there. */
export async function addRoute(options: RouteOptions): Promise<Route> {
  const { host, port, queue, method } = options;
  const key = `${host} ${port}`;
  const opening = servers.get(key) ?? listen(host, port);
  servers.set(key, opening);
  let shared: SharedServer;
  try {
    shared = await opening;
  } catch (error) {
    servers.delete(key);
    throw error;
  }
  // Another consumer may name the port that the system has chosen.
  for (const name of [key, `${host} ${shared.port}`]) {
    shared.keys.add(name);
    servers.set(name, opening);
  }
  const methods = shared.routes.get(queue) ?? new Map<Method, RouteOptions>();
  if (methods.has(method))
    throw new ZcontextError("ERR_ENDPOINT_IN_USE", `${method} ${shared.origin}/${queue} has a consumer already`, {
      hint: "Give this one another queue or another port.",
    });
  shared.routes.set(queue, methods.set(method, options));
  return {
    origin: shared.origin,
    async close() {
      methods.delete(method);
      if (methods.size === 0) shared.routes.delete(queue);
      if (shared.routes.size > 0) return;
      for (const name of shared.keys) servers.delete(name);
      const closed = once(shared.server, "close");
      shared.server.close();
      shared.server.closeIdleConnections();
      // What is under way is answered; a client that sends slowly has sent nothing that was accepted.
      const slow = setTimeout(() => shared.server.closeAllConnections(), SLOW_MS);
      await closed;
      clearTimeout(slow);
    },
  };
}

async function listen(host: string, port: number): Promise<SharedServer> {
  const routes: SharedServer["routes"] = new Map();
  const server = serve({ fetch: applicationOf(routes).fetch, hostname: host, port, serverOptions: TIMEOUTS }) as Server;
  try {
    if (!server.listening) await once(server, "listening");
  } catch (error) {
    throw new ZcontextError(
      "ERR_ENDPOINT_IN_USE",
      `${host}:${port}: ${error instanceof Error ? error.message : error}`,
      {
        hint: "Give the consumer another port, or 0 for any.",
        cause: error,
      },
    );
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    server,
    origin: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    port: bound,
    keys: new Set(),
    routes,
  };
}

function applicationOf(routes: SharedServer["routes"]): Hono {
  const application = new Hono();
  const limit = bodyLimit({ maxSize: LARGEST_BYTES, onError: (c) => tooLarge(c, routes) });
  application.use((c, next) => (saysItIsShort(c) ? next() : limit(c, next)));
  application.all("/:queue", (c) => answer(c, routes));
  application.notFound((c) => refuse(c, 404, `no queue is at ${c.req.path}; have ${[...routes.keys()].join(", ")}`));
  application.onError((error, c) => refuse(c, 400, error.message));
  return application;
}

/** Node reads no more than what is said. For other bodies the middleware needs a stream, which halves the rate. */
function saysItIsShort({ req }: Context): boolean {
  return req.header("transfer-encoding") === undefined && Number(req.header("content-length")) <= LARGEST_BYTES;
}

async function answer(c: Context, routes: SharedServer["routes"]): Promise<Response> {
  const queue = c.req.param("queue") ?? "";
  const methods = routes.get(queue);
  if (methods === undefined) return refuse(c, 404, `no queue ${queue}; have ${[...routes.keys()].join(", ")}`);
  const route = methods.get(c.req.method as Method);
  if (route === undefined) {
    const allowed = [...methods.keys()].join(", ");
    c.header("Allow", allowed);
    return refuse(c, 405, `queue ${queue} takes ${allowed}, not ${c.req.method}`);
  }
  const read = route.method === "GET" ? readQuery(c) : await readBody(c);
  if ("problem" in read) {
    route.onRefused(read.problem);
    return refuse(c, 400, read.problem);
  }
  if (route.take(read.message, read.bytes)) return c.body(null, 202);
  const reason = `queue ${queue} is full`;
  route.onRefused(reason);
  c.header("Retry-After", "1");
  return refuse(c, 503, reason);
}

type Read = { message: Json; bytes: number } | { problem: string };

async function readBody(c: Context): Promise<Read> {
  const text = await c.req.text();
  try {
    return { message: JSON.parse(text), bytes: text.length };
  } catch (error) {
    return { problem: `the body is no JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/** The query as an object; a name that occurs several times has a list. */
function readQuery(c: Context): Read {
  const queries = Object.entries(c.req.queries());
  const message = Object.fromEntries(
    queries.map(([name, values]) => [name, values.length > 1 ? values : (values[0] ?? "")]),
  );
  return { message, bytes: c.req.url.length };
}

function tooLarge(c: Context, routes: SharedServer["routes"]): Response {
  const reason = `the body has more than ${LARGEST_BYTES} bytes`;
  const queue = c.req.path.slice(1);
  for (const route of routes.get(queue)?.values() ?? []) if (route.method === c.req.method) route.onRefused(reason);
  return refuse(c, 413, reason);
}

function refuse(c: Context, status: 400 | 404 | 405 | 413 | 503, reason: string): Response {
  return c.json({ error: reason }, status);
}
