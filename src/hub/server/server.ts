// The reference hub, for demonstration and for small fleets: a client of the broker, and an HTTP server with its page, the
// sign-in of nodes, and the manifest with its archives. access.ts of the dashboard decides who may do what.

import type { KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { reasonOf, ZcontextError } from "../../errors.ts";
import { denial, type Rules } from "../../http/access.ts";
import { type Address, formatAddress } from "../../http/address.ts";
import type { Route } from "../../http/routing.ts";
import type { Log } from "../../log.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { flag, id, literal, object, read, tagged } from "../../protocol/schema.ts";
import type { HubCommand, HubPage } from "../contract/page.ts";
import { readSignIn, type SignInAnswer } from "../contract/sign-in.ts";
import { topicsOf } from "../contract/topics.ts";
import { connectBroker } from "./broker.ts";
import { publishChange, readIfThere, readPublished, readVersions } from "./catalogue.ts";
import { type Arrival, createFleet, shownNode } from "./fleet.ts";
import { mayEnter, readNodes } from "./nodes.ts";
import { readHubPage } from "./page-file.ts";
import type { Publication } from "./publication.ts";
import { openRecords } from "./records.ts";
import { shownServices } from "./shown-services.ts";

export interface HubOptions {
  /** Its folder; catalogue.ts says what is in it. */
  data: string;
  broker: { url: string; root: string; login?: { user: string; pass: string } | undefined };
  /** What nodes are told of Com, where that is not `url` and `root` of the broker. */
  com?: JsonObject | undefined;
  address: Address;
  /** Commands need it; without one none are accepted. */
  token?: string | undefined;
  /** Signs what the page publishes; without one the page publishes nothing. */
  key?: KeyObject | undefined;
  /** Certificate and key of its server, in PEM. */
  tls?: { cert: string; key: string } | undefined;
  log: Log;
}

export interface HubServer extends AsyncDisposable {
  readonly url: string;
  /** What the page shows. */
  state(): Promise<HubPage>;
}

const MAX_BODY_BYTES = 65_536;
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };

const COMMAND = tagged<HubCommand>("kind", {
  node: object({ kind: literal("node"), node: id, enabled: flag, debug: flag }),
  version: object({ kind: literal("version"), name: id, version: id }),
  enabled: object({ kind: literal("enabled"), name: id, enabled: flag }),
});

/**
 * Starts a hub; it listens when this resolves, whether the broker is there or not.
 *
 * @throws {ZcontextError} `ERR_ENDPOINT_IN_USE`, `ERR_ENGINE_MISSING`.
 */
export async function startHub(options: HubOptions): Promise<HubServer> {
  const { data, broker: place, token, key, tls, log } = options;
  const records = openRecords(join(data, "store"));
  const fleet = createFleet(records.all());
  const keep = (node: string | undefined) => {
    const record = node === undefined ? undefined : fleet.nodes.get(node);
    if (record !== undefined) records.keep(record);
  };
  const onArrival = (arrival: Arrival) => keep(fleet.take(place.root, arrival));
  const broker = await connectBroker({ ...place, log, onArrival });

  async function state(): Promise<HubPage> {
    const manifest = await readPublished(data);
    return {
      nodes: [...fleet.nodes.values()].map(shownNode).sort((one, other) => (one.node < other.node ? -1 : 1)),
      services: shownServices(manifest?.services ?? [], await readVersions(data)),
      ...(manifest && { catalogue: { version: manifest.catalogVersion, expires: manifest.expires } }),
      broker: { url: place.url, isConnected: broker.isConnected },
      takesCommands: token !== undefined,
      signs: key !== undefined,
    };
  }

  async function obey(command: HubCommand): Promise<void> {
    if (command.kind === "node") {
      const { node, ...change } = command;
      const desired = fleet.wanted(node, change);
      log.info({ node, enabled: change.enabled, debug: change.debug }, "node switched");
      return broker.publish(topicsOf({ root: place.root, node }).desired, desired, { retain: true });
    }
    await publishService(command);
  }

  async function publishService(publication: Publication): Promise<void> {
    if (key === undefined)
      throw new ZcontextError("ERR_USAGE", "this hub has no key to sign with", { hint: "Use `context-hub sign`." });
    const { catalogVersion } = await publishChange(data, publication, { key });
    log.info({ catalogVersion, ...publication }, "manifest published");
    // A node that is away hears of it when it signs in.
    for (const node of fleet.nodes.keys())
      await broker.publish(topicsOf({ root: place.root, node }).command("update"), { rid: `update-${catalogVersion}` });
  }

  async function signIn(context: Context): Promise<Response> {
    const request = readSignIn(await context.req.json().catch(() => undefined));
    if (request === undefined) return refuse(context, 400, "expected { node, machine, tags, services }");
    const [user, secret] = loginOf(context);
    if (user !== request.node || !mayEnter(await readNodes(data), user, secret)) {
      log.warn({ node: request.node.slice(0, 80) }, "sign-in refused");
      context.header("www-authenticate", "Basic");
      return refuse(context, 401, "this node is not known, or its secret is another one");
    }
    fleet.signedIn(request, new Date().toISOString());
    keep(request.node);
    log.info({ node: request.node, services: request.services.length }, "node signed in");
    const answer: SignInAnswer = {
      manifest: "manifest.json",
      com: options.com ?? { provider: "mqtt", url: place.url, root: place.root },
    };
    return context.json(answer);
  }

  const rules: Rules = { address: options.address, hostname: hostname(), token, isSecure: tls !== undefined };
  const application = applicationOf({ rules, data, state, obey, signIn, log });
  const server = listenWith(application, options);
  const close = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await broker[Symbol.asyncDispose]();
    await records[Symbol.asyncDispose]();
  };
  try {
    await listening(server, options.address);
  } catch (error) {
    await close();
    throw error;
  }
  rules.address = { ...options.address, port: (server.address() as AddressInfo).port };
  return {
    url: `${tls === undefined ? "http" : "https"}://${formatAddress(rules.address)}`,
    state,
    [Symbol.asyncDispose]: close,
  };
}

function listenWith({ fetch }: Hono, { address, tls }: Pick<HubOptions, "address" | "tls">): Server {
  const place = { fetch, hostname: address.host, port: address.port };
  if (tls === undefined) return serve({ ...place, serverOptions: TIMEOUTS }) as Server;
  return serve({ ...place, createServer, serverOptions: { ...TIMEOUTS, ...tls } }) as Server;
}

interface Means {
  rules: Rules;
  data: string;
  state(): Promise<HubPage>;
  obey(command: HubCommand): Promise<void>;
  signIn(context: Context): Promise<Response>;
  log: Log;
}

function applicationOf({ rules, data, state, obey, signIn, log }: Means): Hono {
  const application = new Hono();
  const page = readHubPage();
  application.use(
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (context) => refuse(context, 413, "the body is too large") }),
  );
  application.use(async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    await next();
  });
  const allowed = (kind: "page" | "state" | "command" | "health") => (context: Context) => {
    const denied = denial({ headers: context.req.header(), route: { kind } as Route }, rules);
    return denied && refuse(context, denied.status, denied.reason);
  };
  application.get("/", (context) => {
    const refused = allowed("page")(context);
    if (refused) return refused;
    context.header("content-security-policy", page.policy);
    return context.html(page.html);
  });
  application.get("/_health", (context) => context.json(null));
  application.get("/api/state", async (context) => allowed("state")(context) ?? context.json(await state()));
  application.post("/api/commands", async (context) => {
    const refused = allowed("command")(context);
    if (refused) return refused;
    const { value: command, misfit } = read(COMMAND, await context.req.json().catch(() => undefined));
    if (misfit !== undefined) return refuse(context, 400, `${misfit.field}: expected ${misfit.expected}`);
    try {
      await obey(command);
      return context.json({ result: "success" });
    } catch (error) {
      if (error instanceof ZcontextError) return refuse(context, 400, error.message);
      throw error;
    }
  });
  application.post("/sign-in", signIn);
  // Signed, and without a secret in them: any program that reaches this server may read them.
  for (const name of ["manifest.json", "manifest.sig"])
    application.get(`/${name}`, async (context) => file(context, await readIfThere(join(data, name))));
  application.get("/archives/:name{[A-Za-z0-9][A-Za-z0-9._+-]*\\.tgz}", async (context) =>
    file(context, await readFile(join(data, "archives", context.req.param("name"))).catch(() => undefined)),
  );
  application.notFound((context) => refuse(context, 404, "nothing is here"));
  application.onError((error, context) => {
    log.error({ path: context.req.path.slice(0, 100), reason: reasonOf(error) }, "request failed");
    return refuse(context, 500, "internal error");
  });
  return application;
}

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

function file(context: Context, bytes: Buffer | undefined): Response {
  if (bytes === undefined) return refuse(context, 404, "nothing is published");
  return context.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" });
}

function refuse(context: Context, status: 400 | 401 | 403 | 404 | 413 | 415 | 421 | 500, reason: string): Response {
  return context.json({ result: "failure", code: "ERR_HTTP", reason }, status);
}

/** Name and secret of `authorization: Basic …`. */
function loginOf(context: Context): [user: string, secret: string] {
  const [, encoded = ""] = /^Basic +(\S+) *$/i.exec(context.req.header("authorization") ?? "") ?? [];
  const [, user = "", secret = ""] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
  return [user, secret];
}

async function listening(server: Server, address: Address): Promise<void> {
  try {
    if (!server.listening) await once(server, "listening");
  } catch (cause) {
    throw new ZcontextError(
      "ERR_ENDPOINT_IN_USE",
      `--http: can't listen on ${formatAddress(address)}: ${reasonOf(cause)}`,
      {
        hint: "Give another address; port 0 is one that the system chooses.",
        cause,
      },
    );
  }
}
