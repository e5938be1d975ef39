// Events and calls between two processes, beside the bare clients of NATS and RabbitMQ, moleculer, and BullMQ over Redis where they
// are installed: rates, processor time and ratios; and the memory of the broker, and of nats-server.
// Usage: npm run build && node bench/messaging.mjs [--events 50000] [--calls 20000] [--rounds 3]
//   [--only file,memory,calls,broker] [--peers FOLDER] [--rabbitmq amqp://USER:PASS@HOST:PORT [--rabbitmq_pid PID]]
// nats-server and redis-server are on the PATH; FOLDER has bullmq with ioredis, and moleculer with nats, in its
// node_modules.
// One producer, one consumer, JSON of 200 bytes, at most 1,000 emits or 200 calls under way; the first 20,000 do not count.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { holdBroker } from "../dist/src/companions/broker.js";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "50000" },
    calls: { type: "string", default: "20000" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "file,memory,calls,broker" },
    peers: { type: "string" },
    rabbitmq: { type: "string" },
    rabbitmq_pid: { type: "string" },
  },
});
const hasNats = spawnSync("nats-server", ["--version"]).status === 0;
const hasRedis = values.peers !== undefined && spawnSync("redis-server", ["--version"]).status === 0;
const only = new Set(values.only.split(","));
/** As many as a group may have. */
const WAITING = "100000";
/** Messages before those that are counted. */
const WARM_UP = "20000";
const OURS = new Set(["zcontext", "over NATS", "over RabbitMQ"]);
const root = mkdtempSync(join(tmpdir(), "zcontext-bench-"));

try {
  for (const durability of ["file", "memory"]) {
    if (!only.has(durability)) continue;
    const subjects = { zcontext: () => withBroker(durability, (env) => events("zcontext", env)) };
    if (hasNats) {
      subjects["over NATS"] = () => withNats((env) => events("zcontext", overNats(env, durability)));
      subjects.jetstream = () => withNats((env) => events("jetstream", { ...env, STORAGE: durability }));
    }
    if (values.rabbitmq !== undefined && durability === "file") {
      subjects["over RabbitMQ"] = () => events("zcontext", overRabbitmq());
      subjects.amqplib = () => events("amqplib", overRabbitmq());
    }
    if (hasRedis) subjects.bullmq = () => withRedis(durability, (env) => events("bullmq", env));
    const runs = await runAll(subjects);
    show(`events, emit to acked, ${durability} (events/s)`, runs, ({ rate }) => rate);
    showCpu("event", ["producer", "server", "consumer"], runs);
  }
  if (only.has("calls")) {
    const subjects = { zcontext: () => withBroker("memory", (env) => calls("zcontext", env)) };
    if (hasNats) {
      subjects["over NATS"] = () => withNats((env) => calls("zcontext", overNats(env, "memory")));
      subjects.nats = () => withNats((env) => calls("jetstream", env));
    }
    if (values.rabbitmq !== undefined) {
      subjects["over RabbitMQ"] = () => calls("zcontext", overRabbitmq());
      subjects.amqplib = () => calls("amqplib", overRabbitmq());
    }
    if (hasNats && values.peers !== undefined) {
      subjects.moleculer = () => withNats((env) => calls("moleculer", env));
    }
    const runs = await runAll(subjects);
    show("calls, 200 under way (calls/s)", runs, ({ rate }) => rate);
    showCpu("call", ["caller", "server", "callee"], runs);
    show("a call alone, median (1/ms)", runs, ({ medianMs }) => 1 / medianMs);
  }
  if (only.has("broker")) {
    for (const durability of ["file", "memory"]) {
      await showMemory("the broker", durability, () => withBroker(durability, (env) => memory("zcontext", env)));
      if (hasNats)
        await showMemory("nats-server", durability, () =>
          withNats((env) => memory("jetstream", { ...env, STORAGE: durability })),
        );
    }
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** Runs the subjects in turns. */
async function runAll(subjects) {
  const runs = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1)
    for (const [name, run] of Object.entries(subjects)) runs[name].push(await run());
  return runs;
}

/** Prints the best of each, and what ours are of that: the embedded engine, and the same over servers. */
function show(title, runs, pick) {
  console.log(`\n${title}`);
  const best = Object.entries(runs).map(([name, all]) => [name, Math.max(...all.map(pick))]);
  const ours = best.filter(([name]) => OURS.has(name));
  for (const [name, value] of best) {
    const ratios = ours.map(([own, rate]) => `${own} is ${(rate / value).toFixed(2)} x`);
    console.log(`  ${name.padEnd(13)} ${value.toPrecision(4).padStart(9)}   ${ratios.join("   ")}`);
  }
}

/** Prints the least that a message takes of the processor, and what others take of that; other programs on the machine change it little. */
function showCpu(what, sides, runs) {
  console.log(`  processor time of each ${what}: ${sides.join(" + ")} (us)`);
  const sum = ({ cpus }) => cpus.reduce((all, one) => all + one, 0);
  const best = Object.entries(runs).map(([name, all]) => [name, all.toSorted((a, b) => sum(a) - sum(b))[0]]);
  const ours = best.filter(([name]) => OURS.has(name));
  for (const [name, run] of best) {
    const parts = run.cpus.map((us) => us.toFixed(1).padStart(6)).join(" +");
    const ratios = ours.map(([own, one]) => `${own} takes ${(sum(one) / sum(run)).toFixed(2)} x`);
    console.log(`  ${name.padEnd(13)} ${parts} = ${sum(run).toFixed(1).padStart(6)}   ${ratios.join("   ")}`);
  }
}

function overNats(env, durability) {
  return { ...env, ZCONTEXT_BUS_URL: `nats://${env.NATS}?storage=${durability}`, ZCONTEXT_BUS_TOKEN: "" };
}

/** A server that is there. What it takes is left out where its pid is not known. */
function overRabbitmq() {
  const { rabbitmq, rabbitmq_pid: pid } = values;
  const { protocol, username, password, host, pathname } = new URL(rabbitmq);
  return {
    ...{ RABBITMQ: rabbitmq, SERVER_PID: () => pid },
    ...{ ZCONTEXT_BUS_URL: `${protocol}//${host}${pathname}`, ZCONTEXT_BUS_TOKEN: "" },
    ...{ ZCONTEXT_BUS_USER: decodeURIComponent(username), ZCONTEXT_BUS_PASS: decodeURIComponent(password) },
  };
}

/** Microseconds of processor time that a process has taken. */
function cpuOf(pid) {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
  const TICK_US = 10_000;
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** The microseconds that a message has taken of each process since then. */
function cpuSince(pids, atStart, count) {
  return pids.map((pid, index) => (cpuOf(pid) - atStart[index]) / count);
}

async function events(engine, env) {
  const count = Number(values.events);
  const warm = { ...env, WARM_UP };
  const consumer = member(engine, "consume", values.events, warm);
  await consumer.said("ready");
  const producer = member(engine, "produce", values.events, warm);
  const pids = [producer.pid, env.SERVER_PID(), consumer.pid];
  const startMs = await producer.said("begin");
  const atStart = pids.map(cpuOf);
  producer.go();
  const [emitted, handled] = await Promise.all([producer.said("done"), consumer.said("done")]);
  const cpus = cpuSince(pids, atStart, count);
  for (const side of [producer, consumer]) side.go();
  await Promise.all([producer.ended, consumer.ended]);
  return { rate: (count / (Math.max(emitted, handled) - startMs)) * 1_000, cpus };
}

async function calls(engine, env) {
  const server = member(engine, "serve", values.calls, env);
  await server.said("ready");
  const caller = member(engine, "call", values.calls, { ...env, WARM_UP });
  const pids = [caller.pid, env.SERVER_PID(), server.pid];
  await caller.said("begin");
  const atStart = pids.map(cpuOf);
  caller.go();
  const [rate, medianMs] = [await caller.said("rate"), await caller.said("median")];
  const cpus = cpuSince(pids, atStart, Number(values.calls));
  caller.go();
  await caller.ended;
  server.end();
  await server.ended;
  return { rate, medianMs, cpus };
}

async function showMemory(name, durability, run) {
  const { idle, full, drained } = await run();
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(`\nmemory of ${name}, ${durability}: resident, and of that its own`);
  console.log(`  idle, with one member              ${mib(idle.all)}, ${mib(idle.own)}`);
  console.log(`  with ${WAITING} events waiting        ${mib(full.all)}, ${mib(full.own)}`);
  console.log(`  after all of them were handled     ${mib(drained.all)}, ${mib(drained.own)}`);
}

/** What a server takes with nothing to do, with so many events waiting, and once they are gone. */
async function memory(engine, env) {
  const [holder, pid] = [member(engine, "hold", "0", env), () => env.SERVER_PID()];
  await holder.said("ready");
  const idle = memoryOf(pid());
  const producer = member(engine, "produce", WAITING, env);
  for (const word of ["begin", "done"]) {
    await producer.said(word);
    producer.go();
  }
  await producer.ended;
  const full = memoryOf(pid());
  const consumer = member(engine, "consume", WAITING, env);
  await consumer.said("done");
  consumer.go();
  await consumer.ended;
  const drained = memoryOf(pid());
  holder.end();
  await holder.ended;
  return { idle, full, drained };
}

/** Bytes that are resident, and those that are not pages of files, which the system takes back when it needs them. */
function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const bytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)[1]) * 1_024;
  return { all: bytes("VmRSS"), own: bytes("RssAnon") };
}

/** Starts one side in a process of its own; it says a word and a number a line. */
function member(engine, role, count, env) {
  const script = join(import.meta.dirname, "messaging", `${engine}.mjs`);
  const child = spawn(process.execPath, [script, role, count], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env, SERVER_PID: "", PEERS: values.peers ?? "" },
  });
  const heard = new Map();
  const waiting = new Map();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [word, value = "0"] = line.split(" ");
    heard.set(word, Number(value));
    waiting.get(word)?.(Number(value));
  });
  const ended = once(child, "exit");
  const failed = ended.then(([code]) => {
    throw new Error(`${engine} ${role} ended with ${code}`);
  });
  failed.catch(() => {});
  const said = (word) =>
    heard.has(word) ? heard.get(word) : Promise.race([new Promise((resolve) => waiting.set(word, resolve)), failed]);
  // It goes on at its next line of input.
  return { said, ended, pid: child.pid, go: () => child.stdin.write("\n"), end: () => child.kill() };
}

async function withBroker(durability, run) {
  const folder = mkdtempSync(join(root, "broker-"));
  const broker = await holdBroker({
    ...{ runFolder: join(folder, "run"), storeFolder: join(folder, "store"), durability },
    endpoints: { publish: "tcp://127.0.0.1:1", subscribe: "tcp://127.0.0.1:1" },
    cookie: { context: "bench", provider: "bench" },
  });
  try {
    return await run({ ZCONTEXT_BUS_URL: broker.url, ZCONTEXT_BUS_TOKEN: broker.token, SERVER_PID: () => broker.pid });
  } finally {
    await broker[Symbol.asyncDispose]();
  }
}

async function withNats(run) {
  const port = await freePort();
  const folder = mkdtempSync(join(root, "nats-"));
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    for await (const line of createInterface({ input: server.stderr })) if (line.includes("Server is ready")) break;
    return await run({ NATS: `127.0.0.1:${port}`, SERVER_PID: () => server.pid });
  } finally {
    server.kill();
    await once(server, "exit");
  }
}

/** With an append-only file that is written to the disk each second, or with nothing on the disk. */
async function withRedis(durability, run) {
  const port = await freePort();
  const folder = mkdtempSync(join(root, "redis-"));
  const kept = ["--appendonly", durability === "file" ? "yes" : "no", "--save", ""];
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  const server = spawn("redis-server", [...place, ...kept], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    for await (const line of createInterface({ input: server.stdout })) if (line.includes("Ready to accept")) break;
    server.stdout.resume();
    return await run({ REDIS: `127.0.0.1:${port}`, SERVER_PID: () => server.pid });
  } finally {
    server.kill();
    await once(server, "exit");
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
