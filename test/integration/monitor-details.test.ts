import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { createSampler } from "../../src/monitor/sample.ts";
import { makeFolder } from "../support/folder.ts";
import { startTalking } from "../support/talking-child.ts";

const run = promisify(execFile);

/** Opens a file to append to, listens, is bound for datagrams, and is connected to itself; says what it has. */
const HOLDS = `
  const { createServer, connect } = require("node:net");
  const { openSync, writeSync, readdirSync } = require("node:fs");
  const { networkInterfaces } = require("node:os");
  const hasIpv6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === "::1");
  const fd = openSync(process.argv[1], "a");
  writeSync(fd, "hello");
  const datagrams = require("node:dgram").createSocket("udp4");
  const [server, server6] = [createServer(), createServer()];
  const listen = (one, host) => new Promise((done) => one.listen(0, host, () => done(one.address().port)));
  (async () => {
    const tcp = await listen(server, "127.0.0.1");
    const tcp6 = hasIpv6 ? await listen(server6, "::1") : undefined;
    await new Promise((done) => datagrams.bind(0, "127.0.0.1", done));
    const accepted = new Promise((done) => server.once("connection", done));
    const client = connect(tcp, "127.0.0.1");
    await Promise.all([accepted, new Promise((done) => client.once("connect", done))]);
    // One of those that are listed is the listing's own.
    const fds = readdirSync("/proc/self/fd").length - 1;
    console.log(JSON.stringify({ fd, tcp, tcp6, udp: datagrams.address().port, from: client.localPort, fds }));
  })();
  process.stdin.resume();`;

interface Held {
  fd: number;
  tcp: number;
  tcp6?: number;
  udp: number;
  /** The port the connection comes from. */
  from: number;
  fds: number;
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

async function startHolder() {
  const folder = await makeFolder();
  const path = join(folder.path, "a log.txt");
  const child = await startTalking(process.execPath, "-e", HOLDS, path);
  ends.push(() => child.kill().then(() => folder[Symbol.asyncDispose]()));
  return { pid: child.pid, path, held: JSON.parse(child.firstLine) as Held };
}

test("figures are those of the system's own tools, and of the process itself", async () => {
  await using sampler = createSampler();
  const { pid, held } = await startHolder();

  const figures = (await sampler.sample([pid])).get(pid);
  const { stdout } = await run("ps", ["-o", "nlwp=,vsz=", "-p", String(pid)]);

  const [threads, vszKib] = stdout.trim().split(/ +/).map(Number);
  expect(figures).toMatchObject({ threads, vms: Number(vszKib) / 1024, fds: held.fds });
  expect(figures?.sockets).toEqual({ LISTEN: held.tcp6 === undefined ? 1 : 2, ESTABLISHED: 2, NONE: 1 });
  expect(figures?.listening).toContainEqual(["127.0.0.1", held.tcp]);
  expect(figures?.listening).toHaveLength(held.tcp6 === undefined ? 1 : 2);
});

test("connections are lists of one-member objects with both ends, in the order of the original", async () => {
  await using sampler = createSampler();
  const { pid, held } = await startHolder();

  const { connections = [] } = (await sampler.details([pid], { open_connections: true })).get(pid) ?? {};

  const [listening, from] = [
    ["127.0.0.1", held.tcp],
    ["127.0.0.1", held.from],
  ];
  const shown = connections.map(([, ...rest]) => rest);
  const tcp = [{ family: 2 }, { type: 1 }];
  expect(connections.map(([first]) => Object.keys(first ?? {}))).toEqual(connections.map(() => ["fd"]));
  expect(shown).toContainEqual([...tcp, { laddr: listening }, { raddr: [] }, { status: "LISTEN" }]);
  expect(shown).toContainEqual([...tcp, { laddr: from }, { raddr: listening }, { status: "ESTABLISHED" }]);
  expect(shown).toContainEqual([...tcp, { laddr: listening }, { raddr: from }, { status: "ESTABLISHED" }]);
  expect(shown).toContainEqual([
    ...[{ family: 2 }, { type: 2 }, { laddr: ["127.0.0.1", held.udp] }, { raddr: [] }, { status: "NONE" }],
  ]);
  if (held.tcp6 !== undefined) {
    const tcp6 = [{ family: 10 }, { type: 1 }, { laddr: ["::1", held.tcp6] }, { raddr: [] }, { status: "LISTEN" }];
    expect(shown).toContainEqual(tcp6);
  }
});

test("opened files are the regular ones, with where they stand", async () => {
  await using sampler = createSampler();
  const { pid, path, held } = await startHolder();

  const { opened_files = [] } = (await sampler.details([pid], { opened_files: true })).get(pid) ?? {};

  const ours = opened_files.find(([shown]) => shown?.path === path);
  expect(ours).toEqual([{ path }, { fd: held.fd }, { position: 5 }, { mode: "a" }, { flags: expect.any(Number) }]);
});

test("memory maps are grouped by path, the program's own among them", async () => {
  await using sampler = createSampler();
  const { pid } = await startHolder();

  const details = (await sampler.details([pid], { memory_maps: true })).get(pid);

  const maps = (details?.memory_map ?? []).map((row) => Object.assign({}, ...row));
  const paths = maps.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  expect(maps.find(({ path }) => path === process.execPath)?.rss).toBeGreaterThan(2 ** 20);
  expect(Object.keys(details ?? {})).toEqual(["memory_map"]);
});

test("the details of a process that has ended are undefined", async () => {
  await using sampler = createSampler();
  const child = await startTalking(process.execPath, "-e", "console.log(1); process.stdin.resume()");

  await child.kill();

  expect(await sampler.details([child.pid], { open_connections: true, memory_maps: true })).toEqual(new Map());
});
