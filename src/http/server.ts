// The HTTP server of the dashboard: page, API, events, metrics, health and commands. routing.ts decides what a request
// asks for, access.ts whether it is allowed, routes.ts answers. No request can end the provider.
// Node's server alone: loading Hono, which serves streams, takes tens of milliseconds of each start.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { reasonOf, ZcontextError } from "../errors.ts";
import { type Log, silent } from "../log.ts";
import { denial, type Rules } from "./access.ts";
import { type Address, formatAddress } from "./address.ts";
import { refuse } from "./answers.ts";
import type { DashboardEvent, KeptHistory, KeptLogs, Source } from "./contract/source.ts";
import { createDashboardData } from "./data/dashboard-data.ts";
import { createRoutes } from "./routes.ts";
import { routeOf } from "./routing.ts";

export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the port that the system has chosen. */
  readonly address: Address;
  /** To be told what happens, already before a provider is attached. */
  observe(event: DashboardEvent): void;
  /** Shows this provider from now on. */
  attach(source: Source): void;
}

export interface HttpOptions {
  address: Address;
  /** Commands need it; without one none are accepted. */
  token?: string | undefined;
  version?: string;
  /** Where a history is kept: read for what was before this server. */
  keptHistory?: KeptHistory | undefined;
  /** What is kept of what tasks print. */
  keptLogs?: KeptLogs | undefined;
  log?: Log;
}

/** Connections at the same time; a page has two, at most six. */
const MAX_CONNECTIONS = 128;
/**
 * Listens, and answers that it is not ready until a provider is attached.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE`, or `ERR_USAGE` for an address that this machine does not have.
 */
export async function startHttpServer({
  address,
  token,
  version = "",
  keptHistory,
  keptLogs,
  log = silent,
}: HttpOptions): Promise<HttpServer> {
  let source: Source | undefined;
  const data = createDashboardData({
    source: () => source,
    version,
    takesCommands: token !== undefined,
    keptHistory,
    keptLogs,
    log,
    nowMs: Date.now,
  });
  const routes = createRoutes({ source: () => source, data, keptHistory, keptLogs, log });
  const server = createServer((request, response) => {
    respond(request, response).catch((error) => {
      log.error({ path: request.url?.slice(0, 100), reason: reasonOf(error) }, "request failed");
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "internal error");
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const bound = await listen(server, address);
  const rules: Rules = { address: bound, hostname: hostname(), token };

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const { method = "GET", url = "/", headers } = request;
    const found = routeOf(method, url);
    if ("none" in found) {
      if (found.none.allow !== undefined) response.setHeader("allow", found.none.allow);
      return refuse(response, found.none.status, found.none.reason);
    }
    const denied = denial({ headers, route: found.route }, rules);
    if (denied !== undefined) {
      if (denied.status === 401) response.setHeader("www-authenticate", "Bearer");
      return refuse(response, denied.status, denied.reason);
    }
    await routes.serve(found.route, request, response);
  }

  return {
    address: bound,
    observe: data.observe,
    attach(found) {
      source = found;
      data.observe({ type: "changed" });
    },
    async [Symbol.asyncDispose]() {
      data.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: ReturnType<typeof createServer>, { host, port }: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const where = formatAddress({ host, port });
      const isTaken = error.code === "EADDRINUSE";
      reject(
        new ZcontextError(
          isTaken ? "ERR_ENDPOINT_IN_USE" : "ERR_USAGE",
          `--http: can't listen on ${where}: ${isTaken ? "another process has it" : error.message}`,
          { hint: "Give another address; port 0 is one that the system chooses.", cause: error },
        ),
      );
    });
    server.listen({ host, port }, () => resolve({ host, port: (server.address() as AddressInfo).port }));
  });
}
