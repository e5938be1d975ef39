// A hub and its broker, as a node, a browser and a stranger see it.
import { readFile } from "node:fs/promises";
import { connect, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPrivateKey } from "../../src/hub/install/signature.ts";
import { fetchManifest } from "../../src/hub/install/source.ts";
import { addVersion, publishChange } from "../../src/hub/server/catalogue.ts";
import { addNode } from "../../src/hub/server/nodes.ts";
import { type HubServer, startHub } from "../../src/hub/server/server.ts";
import { silent } from "../../src/log.ts";
import { HUB_KEYS } from "../support/catalogue.ts";
import { type Folder, makeFolder } from "../support/folder.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const TOKEN = "0123456789abcdef0123456789abcdef";
const key = readPrivateKey(HUB_KEYS.privateKey, "hub.key");
let [folder, broker, hub, node] = [] as unknown as [Folder, Mosquitto, HubServer, MqttClient];
/** What the node hears, as `topic payload`. */
const heard = awaitEvents<string>("messages for the node", (line) => line);

const told = (line: string) => heard.first((one) => one === line, { what: line });

const urlOf = ({ port }: Mosquitto) => `mqtt://127.0.0.1:${port}`;
const optionsFor = (place: Folder, server: Mosquitto) => ({
  data: place.path,
  broker: { url: urlOf(server), root: "zcontext" },
  address: { host: "127.0.0.1", port: 0 },
  token: TOKEN,
  key,
  log: silent,
});

beforeAll(async () => {
  [folder, broker] = await Promise.all([makeFolder({ "from/main.mjs": "export default 1;" }), startMosquitto()]);
  const service = { name: "thermometer", entry: "main.mjs", hosts: [], config: {} };
  for (const version of ["1.0.0", "1.1.0"])
    await addVersion(folder.path, { ...service, path: folder.at("from"), version });
  await publishChange(folder.path, { kind: "version", name: "thermometer", version: "1.0.0" }, { key });
  await addNode(folder.path, "node-1", folder.at("node-1.credentials"));
  hub = await startHub(optionsFor(folder, broker));
  node = connect(urlOf(broker), { protocolVersion: 5 });
  node.on("message", (topic, payload) => heard.add(`${topic} ${payload}`));
  await node.subscribeAsync(["zcontext/node-1/twin/desired", "zcontext/node-1/commands/+"]);
});

afterAll(async () => {
  await node.endAsync();
  await hub[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const command = (body: object, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
  fetch(`${hub.url}/api/commands`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

async function signIn(node: string, secret: string, body: object = { node, machine: "m", tags: [], services: [] }) {
  const authorization = `Basic ${Buffer.from(`${node}:${secret}`).toString("base64")}`;
  return fetch(`${hub.url}/sign-in`, { method: "POST", headers: { authorization }, body: JSON.stringify(body) });
}

describe("a hub", () => {
  test("switches a node by its desired state, which stays at the broker", async () => {
    expect((await command({ kind: "node", node: "node-1", enabled: false, debug: true })).status).toBe(200);

    await told('zcontext/node-1/twin/desired {"msb-state":{"enabled":false,"debug":true},"$version":1}');
  });

  test("lets a node in that it knows, and tells it where all is", async () => {
    const [, secret = ""] = /pass=(\S+)/.exec(await readFile(folder.at("node-1.credentials"), "utf8")) ?? [];
    const services = [{ name: "thermometer", version: "1.0.0" }];

    const answer = await signIn("node-1", secret, { node: "node-1", machine: "m", tags: [], services });

    expect(await answer.json()).toEqual({
      manifest: "manifest.json",
      com: { provider: "mqtt", url: urlOf(broker), root: "zcontext" },
    });
    expect((await hub.state()).nodes).toMatchObject([{ node: "node-1", services }]);
  });

  test.each([
    ["another secret", "node-1", "guess"],
    ["no secret", "node-1", ""],
    ["a name that it does not know", "node-2", "guess"],
    ["a name that every object has", "constructor", ""],
  ])("lets nobody in with %s", async (_, name, secret) => {
    expect((await signIn(name, secret)).status).toBe(401);
  });

  test("lets nobody in under another name than that of the request", async () => {
    const [, secret = ""] = /pass=(\S+)/.exec(await readFile(folder.at("node-1.credentials"), "utf8")) ?? [];

    expect((await signIn("node-1", secret, { node: "node-2", machine: "m", tags: [], services: [] })).status).toBe(401);
    expect((await signIn("node-1", secret, { node: 5 })).status).toBe(400);
    expect((await signIn("node-1", secret, { node: "x".repeat(70_000) })).status).toBe(413);
  });

  test("publishes another version, and tells its nodes", async () => {
    const answer = await command({ kind: "version", name: "thermometer", version: "1.1.0" });

    expect(answer.status).toBe(200);
    await told('zcontext/node-1/commands/update {"rid":"update-2"}');
    const { bytes } = await fetchManifest(hub.url);
    expect(JSON.parse(bytes.toString())).toMatchObject({ catalogVersion: 2, services: [{ version: "1.1.0" }] });
    const archive = await fetch(`${hub.url}/archives/thermometer-1.1.0.tgz`);
    expect(Buffer.from(await archive.arrayBuffer())).toEqual(
      await readFile(folder.at("archives", "thermometer-1.1.0.tgz")),
    );
  });

  test.each([
    ["without the token", {}, 401],
    ["with another one", { authorization: "Bearer 0" }, 401],
    ["from a page of another origin", { authorization: `Bearer ${TOKEN}`, origin: "http://evil.example" }, 403],
    ["as a form", { authorization: `Bearer ${TOKEN}`, "content-type": "text/plain" }, 415],
  ])("takes no command %s", async (_, headers, status) => {
    const { status: came } = await command({ kind: "enabled", name: "thermometer", enabled: false }, headers as never);

    expect(came).toBe(status);
    expect((await hub.state()).services).toMatchObject([{ enabled: true }]);
  });

  test.each([
    { kind: "version", name: "thermometer", version: "9.9.9" },
    { kind: "enabled", name: "thermometer", enabled: "no" },
    { kind: "shell", name: "ls" },
    { kind: "node", node: "a/b", enabled: true, debug: false },
  ])("refuses what it can't do: %j", async (body) => {
    expect((await command(body)).status).toBe(400);
  });

  test.each([
    "/archives/../hub.key",
    "/archives/..%2fnodes.json",
    "/archives/%2e%2e/nodes.json",
    "/nodes.json",
    "/versions.json",
    "/store/nodes.mdb",
  ])("gives away nothing of its folder at %s", async (path) => {
    expect((await fetch(`${hub.url}${path}`)).status).toBe(404);
  });

  test("shows no secret", async () => {
    const state = JSON.stringify(await (await fetch(`${hub.url}/api/state`)).json());
    const page = await fetch(hub.url);

    const nodes = JSON.parse(await readFile(folder.at("nodes.json"), "utf8"));
    for (const secret of [TOKEN, nodes["node-1"]]) expect(state).not.toContain(secret);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'sha256-");
  });

  test("knows its nodes again after its end, and connects again when the broker was away", async () => {
    await using place = await makeFolder();
    await using server = await startMosquitto();
    const options = { ...optionsFor(place, server), token: undefined };
    const first = await startHub(options);
    const other = connect(urlOf(server), { protocolVersion: 5 });
    await other.subscribeAsync("zcontext/node-1/commands/+");
    const asked = new Promise((resolve) => other.once("message", resolve));
    await other.publishAsync("zcontext/node-1/telemetry", '{"temperature":21.5}', { qos: 1 });
    await other.publishAsync("zcontext/node-1/commands/ping", "{}", { qos: 1 });
    await asked;
    await first[Symbol.asyncDispose]();
    await other.endAsync();
    await server.stop();

    await using second = await startHub(options);

    expect(await second.state()).toMatchObject({
      broker: { isConnected: false },
      nodes: [{ node: "node-1", readings: [{ body: { temperature: 21.5 } }] }],
    });
  });
});
