// Events and calls between two processes, beside NATS and moleculer where they are installed: rates and ratios; and the memory
// of the broker.
// Usage: npm run build && node bench/messaging.mjs [--events 50000] [--calls 20000] [--rounds 3]
//   [--only file,memory,calls,broker] [--peers FOLDER]
// nats-server is on the PATH; FOLDER has moleculer and nats, its client, in its node_modules.
// One producer, one consumer, JSON of 200 bytes, at most 1,000 emits or 200 calls under way.
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
  },
});
const hasNats = spawnSync("nats-server", ["--version"]).status === 0;
const only = new Set(values.only.split(","));
/** As many as a group may have. */
const WAITING = "100000";
const root = mkdtempSync(join(tmpdir(), "zcontext-bench-"));

try {
  for (const durability of ["file", "memory"]) {
    if (!only.has(durability)) continue;
    const subjects = { zcontext: () => withBroker(durability, (env) => events("zcontext", env)) };
    if (hasNats) {
      subjects["over NATS"] = () => withNats((env) => events("zcontext", overNats(env, durability)));
      subjects.jetstream = () => withNats((env) => events("jetstream", { ...env, STORAGE: durability }));
    }
    const runs = await runAll(subjects);
    show(`events, emit to acked, ${durability} (events/s)`, runs, ({ rate }) => rate);
    show("  the same by the processor time of all processes (events/s of one core)", runs, ({ perCpu }) => perCpu);
  }
  if (only.has("calls")) {
    const subjects = { zcontext: () => withBroker("memory", (env) => calls("zcontext", env)) };
    if (hasNats) {
      subjects["over NATS"] = () => withNats((env) => calls("zcontext", overNats(env, "memory")));
      subjects.nats = () => withNats((env) => calls("jetstream", env));
    }
    if (hasNats && values.peers !== undefined) {
      subjects.moleculer = () => withNats((env) => calls("moleculer", env));
    }
    const runs = await runAll(subjects);
    show("calls, 200 under way (calls/s)", runs, ({ rate }) => rate);
    show("a call alone, median (1/ms)", runs, ({ medianMs }) => 1 / medianMs);
  }
  if (only.has("broker")) {
    for (const durability of ["file", "memory"]) {
      const { idle, full, drained } = await withBroker(durability, brokerMemory);
      const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
      console.log(`\nmemory of the broker, ${durability}: resident, and of that its own`);
      console.log(`  idle, with one member              ${mib(idle.all)}, ${mib(idle.own)}`);
      console.log(`  with ${WAITING} events waiting        ${mib(full.all)}, ${mib(full.own)}`);
      console.log(`  after all of them were handled     ${mib(drained.all)}, ${mib(drained.own)}`);
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

/** Prints the best of each, and what ours are of that: the embedded engine, and the same over NATS. */
function show(title, runs, pick) {
  console.log(`\n${title}`);
  const best = Object.entries(runs).map(([name, all]) => [name, Math.max(...all.map(pick))]);
  const ours = best.filter(([name]) => name === "zcontext" || name === "over NATS");
  for (const [name, value] of best) {
    const ratios = ours.map(([own, rate]) => `${own} is ${(rate / value).toFixed(2)} x`);
    console.log(`  ${name.padEnd(10)} ${value.toPrecision(4).padStart(9)}   ${ratios.join("   ")}`);
  }
}

function overNats(env, durability) {
  return { ...env, ZCONTEXT_BUS_URL: `nats://${env.NATS}?storage=${durability}`, ZCONTEXT_BUS_TOKEN: "" };
}

/** Microseconds of processor time that a process has taken. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
  const TICK_US = 10_000;
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

async function events(engine, env) {
  const consumer = member(engine, "consume", values.events, env);
  await consumer.said("ready");
  const serverAtStart = cpuOf(env.SERVER_PID());
  const producer = member(engine, "produce", values.events, env);
  const startMs = await producer.said("begin");
  const [emitted, handled] = await Promise.all([producer.said("done"), consumer.said("done")]);
  await Promise.all([producer.ended, consumer.ended]);
  const cpu = (await producer.said("cpu")) + (await consumer.said("cpu")) + cpuOf(env.SERVER_PID()) - serverAtStart;
  return {
    rate: (Number(values.events) / (Math.max(emitted, handled) - startMs)) * 1_000,
    perCpu: (Number(values.events) / cpu) * 1e6,
  };
}

async function calls(engine, env) {
  const server = member(engine, "serve", values.calls, env);
  await server.said("ready");
  const caller = member(engine, "call", values.calls, env);
  const [rate, medianMs] = [await caller.said("rate"), await caller.said("median")];
  await caller.ended;
  server.end();
  await server.ended;
  return { rate, medianMs };
}

/** What the broker takes with nothing to do, with so many events waiting, and once they are gone. */
async function brokerMemory(env) {
  const [holder, pid] = [member("zcontext", "hold", "0", env), () => env.SERVER_PID()];
  await holder.said("ready");
  const idle = memoryOf(pid());
  const producer = member("zcontext", "produce", WAITING, env);
  await producer.ended;
  const full = memoryOf(pid());
  const consumer = member("zcontext", "consume", WAITING, env);
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
  return { said, ended, end: () => child.kill() };
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

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
