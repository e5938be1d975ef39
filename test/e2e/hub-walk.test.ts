// The walk of docs/hub.md, by its own commands: a hub and a node on this machine, with mosquitto between them.
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "mqtt";
import { expect, test } from "vitest";
import { type CommandName, copyExamples, programOf, startProgram } from "../support/command.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { freePort } from "../support/port.ts";
import { leaveNoProcess } from "../support/processes.ts";
import { blocksOf, readDocument } from "../support/readme.ts";
import { awaitEvents } from "../support/recording.ts";

leaveNoProcess();

const BLOCKS = blocksOf(readDocument("docs/hub.md")).filter(({ section }) => section === "A walk");

test("the walk of docs/hub.md does what is said there, and shows no secret", async () => {
  await using folder = await copyExamples();
  await using broker = await startMosquitto();
  const port = await freePort();
  const replace = async (path: string, from: string | RegExp, to: string) =>
    writeFile(folder.at(path), (await readFile(folder.at(path), "utf8")).replace(from, to));
  await replace("conf/Context-Node.xml", "127.0.0.1:8090", `127.0.0.1:${port}`);
  await replace("services/Thermometer/ServiceThermometer.mjs", "interval_s ?? 1", "interval_s ?? 0.1");
  const scripts = BLOCKS.map(({ lines }) =>
    lines
      .join("\n")
      .replaceAll("mosquitto_pub ", `mosquitto_pub -p ${broker.port} -q 1 `)
      .replace("context-hub serve", `$& --broker mqtt://127.0.0.1:${broker.port} --http ${port}`)
      // The last one is what a signal ends.
      .replace(/^(context-hub serve|service-context)/m, "exec $1")
      .replace(/\b(context-hub|service-context) /g, (_, name: CommandName) => `"$NODE" ${programOf(name)} `),
  );
  expect(scripts).toHaveLength(4);
  const start = (script = "") =>
    startProgram("sh", ["-euc", script], { cwd: folder.path, env: { NODE: process.execPath } });
  const command = async (body: object) => {
    const token = (await readFile(folder.at("hub.token"), "utf8")).trim();
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    await fetch(`http://127.0.0.1:${port}/api/commands`, { method: "POST", headers, body: JSON.stringify(body) });
  };
  // A session that the broker keeps while both are away.
  const heard = awaitEvents<[topic: string, payload: string]>("messages of the node", String);
  const cloud = connect(`mqtt://127.0.0.1:${broker.port}`, {
    ...{ protocolVersion: 5 as const, clientId: "cloud", clean: false, reconnectPeriod: 100 },
    properties: { sessionExpiryInterval: 3_600 },
  });
  cloud.on("message", (topic, payload) => heard.add([topic, String(payload)]));
  await cloud.subscribeAsync("zcontext/#", { qos: 1 });
  const readings = () =>
    heard.all.flatMap(([topic, text]) => (topic.endsWith("/telemetry") ? [JSON.parse(text) as { n: number }] : []));

  await using hub = start(scripts[0]);
  await hub.stderr.first((line) => line.includes("hub ready"));
  await using node = start(scripts[1]);
  const said = (text: RegExp, from = 0) => node.stderr.first((line) => text.test(line), { from, what: text.source });
  await said(/ mailer .*It is warm/);

  await broker.stop();
  const lost = node.stderr.all.length;
  await said(/ mailer .*It is warm/, lost);
  const last = Math.max(...readings().map(({ n }) => n));
  await broker.start();
  await heard.first(([topic, text]) => topic.endsWith("/telemetry") && JSON.parse(text).n > last + 10);
  // One whose confirmation was lost comes once more.
  const numbers = [...new Set(readings().map(({ n }) => n))];
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));

  let from = node.stderr.all.length;
  await command({ kind: "node", node: "box1", enabled: false, debug: false });
  for (const id of ["thermometer", "mailer"]) await said(new RegExp(` ${id} +stopped`), from);
  await command({ kind: "node", node: "box1", enabled: true, debug: false });
  for (const id of ["thermometer", "mailer"]) await said(new RegExp(` ${id} +running`), from);

  await using newer = start(scripts[2]);
  expect(await newer.exit).toBe(0);
  await said(/ hub .*thermometer 1\.1\.0: update/);
  await using broken = start(scripts[3]);
  expect(await broken.exit).toBe(0);
  await said(/ hub .*thermometer 1\.2\.0 is not installed, ERR_INSTALL_NOT_READY/);
  const audit = await readFile(folder.at("conf/.zcontext/hub/audit.ndjson"), "utf8");
  expect(JSON.parse(audit.trim().split("\n").at(-1) ?? "")).toMatchObject({ step: "rolled-back", version: "1.2.0" });
  const before = heard.all.length;
  await heard.first(([topic, text]) => topic.endsWith("/telemetry") && JSON.parse(text).celsius >= 30, {
    from: before,
  });

  const [, pid] = /pid=(\d+)/.exec(await said(/ hub +running/)) ?? [];
  from = node.stderr.all.length;
  process.kill(Number(pid), "SIGKILL");
  await said(/ hub +running/, from);
  await cloud.publishAsync("zcontext/box1/commands/reportState", "{}", { qos: 1 });
  await heard.first(([topic]) => topic.endsWith("/res/reportState"));
  const state = await (await fetch(`http://127.0.0.1:${port}/api/state`)).text();
  const page = await (await fetch(`http://127.0.0.1:${port}`)).text();
  await cloud.endAsync(true);
  const [, pass = ""] = /pass=(\S+)/.exec(await readFile(folder.at("box1.credentials"), "utf8")) ?? [];
  const token = (await readFile(folder.at("hub.token"), "utf8")).trim();
  const shown = [hub, node].flatMap(({ stdout, stderr }) => [...stdout.all, ...stderr.all]);
  const all = [...shown, ...heard.all.flat(), state, page, audit].join("\n");
  for (const secret of [pass, token, Buffer.from(`box1:${pass}`).toString("base64")]) {
    expect(secret.length).toBeGreaterThan(16);
    expect(all).not.toContain(secret);
  }
});
