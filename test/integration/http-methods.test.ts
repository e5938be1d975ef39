// Methods over HTTP: what `bus.call` sends and hears, and what a service answers, each against a program of another kind.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { deferred } from "../../src/deferred.ts";
import { createMemoryBroker } from "../../src/messaging/engines/memory/memory-engine.ts";
import { EventBus, type Method, ServiceError } from "../../src/messaging/index.ts";
import { runContext } from "../support/context.ts";
import { freePort } from "../support/port.ts";

const ANY = { port: 0, host: "127.0.0.1" };
const BOOKING = { type: "object", properties: { pnr: { type: "string" } }, required: ["pnr"] } as const;

afterEach(() => {
  delete process.env.NAVITAIRE_API_URL;
});

async function openBus(src: string) {
  const broker = createMemoryBroker();
  const bus = new EventBus({ engine: await broker.connect(src), src });
  return { bus, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

/** A service that knows nothing of zcontext. */
async function startForeign(answer: (request: IncomingMessage, body: string) => { status: number; text: string }) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { status, text } = answer(request, Buffer.concat(chunks).toString());
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a call goes to the URL of the environment, which wins over the bus", async () => {
  await using one = await openBus("c/shop/1");
  await one.bus.serve("navitaire-api", { get_booking: () => "from the bus" });
  const seen: { request: IncomingMessage; body: string }[] = [];
  await using foreign = await startForeign((request, body) => {
    seen.push({ request, body });
    return { status: 200, text: '{"passenger":"Ada"}' };
  });

  expect(await one.bus.call("navitaire-api.get_booking", { pnr: "A1324B" })).toBe("from the bus");
  process.env.NAVITAIRE_API_URL = `${foreign.url.replace("//", "//shop:secret@")}/v1/`;
  const booking = await one.bus
    .within({ sessionId: "session 7", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` })
    .call("navitaire-api.get_booking", { pnr: "A1324B" }, { timeoutMs: 60_000 });

  expect(booking).toEqual({ passenger: "Ada" });
  expect(seen).toHaveLength(1);
  const [{ request: { method, url, headers } = {}, body } = {}] = seen;
  expect({ method, url, body }).toEqual({ method: "POST", url: "/v1/get_booking", body: '{"pnr":"A1324B"}' });
  expect(headers).toMatchObject({
    "content-type": "application/json",
    authorization: `Basic ${Buffer.from("shop:secret").toString("base64")}`,
    traceparent: expect.stringMatching(/^00-a{32}-(?!b{16})[0-9a-f]{16}-01$/),
    "x-session-id": "session%207",
  });
  expect(Number(headers?.["x-budget-ms"])).toBeGreaterThan(50_000);
});

test.each([
  [
    "an error with all parts",
    { status: 409, text: '{"error":{"code":"SOLD_OUT","message":"no seat","details":{"left":0},"retryable":true}}' },
    { code: "SOLD_OUT", message: "no seat", details: { left: 0 }, retryable: true },
  ],
  [
    "a proxy's page",
    { status: 502, text: "<h1>Bad Gateway</h1>" },
    {
      code: "ERR_SERVICE_FAILED",
      retryable: true,
      executed: "unknown",
      message: expect.stringContaining("status 502"),
    },
  ],
  ["an unknown path", { status: 404, text: "" }, { code: "ERR_SERVICE_FAILED", retryable: false, executed: "no" }],
  ["what is no JSON", { status: 200, text: "OK" }, { code: "ERR_SERVICE_FAILED", executed: "yes" }],
])("a caller hears %s", async (_, answer, failure) => {
  await using one = await openBus("c/shop/1");
  await using foreign = await startForeign(() => answer);
  process.env.NAVITAIRE_API_URL = foreign.url;

  await expect(one.bus.call("navitaire-api.get_booking")).rejects.toMatchObject({
    ...{ service: "navitaire-api", method: "get_booking" },
    ...failure,
  });
});

test("where nobody listens, nothing was carried out", async () => {
  await using one = await openBus("c/shop/1");
  process.env.NAVITAIRE_API_URL = `http://127.0.0.1:${await freePort()}`;

  await expect(one.bus.call("navitaire-api.get_booking")).rejects.toMatchObject({
    code: "ERR_SERVICE_UNKNOWN",
    executed: "no",
    retryable: true,
  });
});

test("both ends of ours keep errors, deadline, session and trace, and bodies of any length", async () => {
  await using caller = await openBus("c/shop/1");
  await using callee = await openBus("c/navitaire-api/2");
  const aborted = deferred<unknown>();
  const methods: { [name: string]: Method } = {
    get_booking: { params: BOOKING, handle: ({ pnr }: { pnr: string }) => ({ pnr, size: pnr.length }) },
    fail: () => {
      throw new ServiceError("SOLD_OUT", "no seat", { details: { left: 0 } });
    },
    breaks: () => {
      throw new TypeError("x is undefined");
    },
    waits: (_: never, { signal }) => new Promise(() => signal.addEventListener("abort", () => aborted.resolve(1))),
    about: (_: never, { src }) => src,
  };
  const served = await callee.bus.serveHttp("navitaire-api", methods, ANY);
  await using _closed = served;
  process.env.NAVITAIRE_API_URL = served.url;
  const call = (name: string, params: unknown = null, timeoutMs = 60_000) =>
    caller.bus.call(`navitaire-api.${name}`, params as null, { timeoutMs });

  expect(await call("get_booking", { pnr: "A1324B" })).toEqual({ pnr: "A1324B", size: 6 });
  expect(await call("get_booking", { pnr: "x".repeat(2 ** 21) })).toMatchObject({ size: 2 ** 21 });
  expect(await call("about")).toBe("c/shop/1");
  await expect(call("get_booking", {})).rejects.toMatchObject({ code: "ERR_PARAMS_INVALID", executed: "no" });
  await expect(call("constructor")).rejects.toMatchObject({ code: "ERR_METHOD_UNKNOWN", executed: "no" });
  await expect(call("fail")).rejects.toMatchObject({
    ...{ code: "SOLD_OUT", message: "no seat", details: { left: 0 }, retryable: false, executed: "yes" },
    remote: { name: "ServiceError" },
  });
  await expect(call("breaks")).rejects.toMatchObject({ message: "x is undefined", remote: { name: "TypeError" } });
  await expect(call("waits", null, 300)).rejects.toMatchObject({ code: "ERR_CALL_TIMEOUT", executed: "unknown" });
  await aborted.promise;
});

test("a program of another kind calls a task by its http_port", async () => {
  const configuration = "<http_port>0</http_port>";
  await using context = await runContext([{ id: "ts_1", instance: "ListensToOrders", configuration }]);
  await context.start("T1");
  const { status } = await context.untilSaid("ts_1", "started");
  const url = String((status as { http_url?: unknown }).http_url);
  const ask = async (method: string, init: RequestInit) => {
    const response = await fetch(`${url}/${method}`, init);
    return { status: response.status, body: await response.json() };
  };
  const post = (body: string, type = "application/json") => ({
    ...{ method: "POST", body, headers: { "content-type": type, "x-budget-ms": "60000" } },
  });

  expect(await ask("get_order", post("7"))).toMatchObject({ status: 200 });
  expect(await ask("nothing", post("7"))).toMatchObject({
    status: 404,
    body: { error: { code: "ERR_METHOD_UNKNOWN", retryable: false } },
  });
  expect(await ask("get_order", post("{"))).toMatchObject({ status: 400 });
  expect(await ask("get_order", post("7", "text/plain"))).toMatchObject({ status: 415 });
  expect(await ask("get_order", { method: "GET" })).toMatchObject({ status: 405 });
});
